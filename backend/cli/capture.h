/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - "2virt capture": all transfers of a running device in a file.
 */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

/*
 * argv[0] is "capture".  Runs until SIGINT or SIGTERM, the end of --for, or the
 * end of the device.  An exit status: 0, 1 (told on stderr) or 2 (usage).
 */
int capture_command(int argc, char **argv);

#endif
