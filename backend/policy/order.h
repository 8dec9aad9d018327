/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * order.h - the order of paths in a tree.
 */
#ifndef POLICY_ORDER_H
#define POLICY_ORDER_H

/* As strcmp(), with '/' before all other octets. */
int policy_path_compare(const char *a, const char *b);

#endif
