/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * directory.h - what this machine is granted, as http://directory/ says.
 *
 * Plain blocking code for the command line, with a deadline.
 */
#ifndef GUEST_DIRECTORY_H
#define GUEST_DIRECTORY_H

#include <stdio.h>

struct directory;

enum { DIRECTORY_DEADLINE_MS = 3000 };

/*
 * Asks through a web function's socket.  0 or a negative errno: -ETIMEDOUT,
 * -EPROTO (no directory, or not an answer of one), -ENOMEM, what connecting
 * said.  *directory is the caller's then.
 */
int directory_ask(struct directory **directory, const char *socket_path);
/* Reads an answer's body; for directory_ask() and tests.  NULL: it is none. */
struct directory *directory_read(const char *text, size_t len);
void directory_free(struct directory *directory);

void directory_print_table(FILE *out, const struct directory *directory);
/* One JSON object, without a newline. */
void directory_print_json(FILE *out, const struct directory *directory);

#endif
