/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.h - what is plugged in, for people and programs.
 *
 * The daemon writes one line per function on its control socket,
 * <runtime-dir>/guest.sock, and closes: fields separated by tabs, in the order
 * of struct status_row, after a first line STATUS_HEAD.
 */
#ifndef GUEST_STATUS_H
#define GUEST_STATUS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STATUS_HEAD "2virt-guest 2\n"

enum { STATUS_FIELD_MAX = 112, STATUS_ROWS_MAX = 64 };

struct status_row {
	char type[STATUS_FIELD_MAX]; /* "web"; "-" while it is not known */
	char name[STATUS_FIELD_MAX];
	char location[STATUS_FIELD_MAX]; /* "1-2:1.0" */
	char device[STATUS_FIELD_MAX];	 /* "/dev/bus/usb/001/002" */
	char state[STATUS_FIELD_MAX];	 /* ready, starting, dropped, … */
	char socket[STATUS_FIELD_MAX];	 /* path, or "-" */
	char peer[STATUS_FIELD_MAX];	 /* "UUID there NAME", or "-" */
	uint64_t pipes;
	uint64_t pipes_used;
	uint64_t bytes_in;
	uint64_t bytes_out;
};

/* Writes a line; its length, or -ENOSPC. */
int status_row_write(const struct status_row *row, char *line, size_t size);

/* Reads a line without its newline (changed by it).  0 or -EINVAL. */
int status_row_read(struct status_row *row, char *line);

void status_print_table(FILE *out, const struct status_row *rows, size_t count);
/* more, if it is not NULL, adds members (", \"x\": 1") to the object of a row.
 */
void status_print_json(FILE *out, const struct status_row *rows, size_t count,
		       void (*more)(FILE *out, const struct status_row *row));

#endif
