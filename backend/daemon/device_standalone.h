/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device_standalone.h - 2virt-device without a broker: devices named on the
 * command line, plugged into a bus of sockets.
 */
#ifndef DAEMON_DEVICE_STANDALONE_H
#define DAEMON_DEVICE_STANDALONE_H

#include <stdbool.h>

/* True if --bus names a bus that needs no broker. */
bool device_standalone_wanted(const char *bus);

/* Takes the whole command line; returns the exit status. */
int device_standalone_main(int argc, char **argv);

#endif
