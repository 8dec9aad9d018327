/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - columns on a terminal.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* Text of anybody's: without what a terminal would obey. */
void table_put_text(FILE *out, const char *text);

struct table;

/* Headings, NULL at the end; one column for each.  NULL: no memory. */
struct table *table_create(const char *const *headings);
/* Fills the next cell, from left to right.  NULL is "". */
void table_cell(struct table *table, const char *text);
void table_number(struct table *table, double number); /* 1.5M and so on */
/* "a=b c=d" of a JSON object, "a,b" of an array, a string, a number. */
void table_json(struct table *table, json_t *json);
/* Prints it and frees it. */
void table_print(struct table *table, FILE *out);

#endif
