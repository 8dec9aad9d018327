/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stdio.h - descriptors 0, 1 and 2 are open, whoever started us.
 */
#ifndef UTIL_STDIO_H
#define UTIL_STDIO_H

/*
 * Opens /dev/null on those of the standard descriptors that are closed.  First
 * step of every main: otherwise the next file that is opened becomes standard
 * error, and log lines go into it (libuv aborts over that).  Exits with 1 if
 * even that cannot be opened: there is nowhere to say so.
 */
void stdio_ensure(void);

#endif
