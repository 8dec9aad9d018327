/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - XenStore as the broker uses it: small typed reads and writes over
 * libxenstore.
 *
 * Calls are synchronous round trips to xenstored (about 100 us).  Paths are
 * made with a format, so that none is put together elsewhere.  What a guest
 * can write is read with a bound and parsed strictly.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

enum { STORE_PATH_SIZE = 256, STORE_VALUE_SIZE = 256 };

/* Requests to xenstored so far, for measuring. */
uint64_t store_operations(void);

/*
 * Reads a node into value (NUL-terminated).  0, -ENOENT, -EMSGSIZE (does not
 * fit, or has a NUL inside) or another negative errno.
 */
int store_read(struct xs_handle *xs, xs_transaction_t transaction, char *value,
	       size_t size, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * Reads a decimal number up to max.  0, -EINVAL (not a number, too large) or
 * as store_read().
 */
int store_read_number(struct xs_handle *xs, xs_transaction_t transaction,
		      uint32_t max, uint32_t *number, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Writes a node.  0 or a negative errno. */
int store_write(struct xs_handle *xs, xs_transaction_t transaction,
		const char *value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Removes a node and all below; one that is not there is no error. */
int store_remove(struct xs_handle *xs, xs_transaction_t transaction,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));

bool store_exists(struct xs_handle *xs, xs_transaction_t transaction,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Names of the children of a node; *count of them in one block for free().
 * NULL (and 0) if there are none or no node.
 */
char **store_list(struct xs_handle *xs, xs_transaction_t transaction,
		  unsigned int *count, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * 0 if dom0 owns the node and nobody else may write it; -EPERM if somebody
 * may; -ENOENT; other negative errno.
 */
int store_check_private(struct xs_handle *xs, const char *path);

/* Makes a node that dom0 owns and nobody else can read or write. */
int store_make_private(struct xs_handle *xs, const char *path);

/* Parses a whole string as a decimal number up to max. */
bool store_parse_number(const char *text, uint32_t max, uint32_t *number);

/*
 * Runs body in a transaction again and again until nobody has interfered, at
 * most 16 times.  body returns 0 to commit, anything else to abort, which is
 * then returned.  -EAGAIN: somebody interfered every time.
 */
typedef int store_body(struct xs_handle *xs, xs_transaction_t transaction,
		       void *context);
int store_transact(struct xs_handle *xs, store_body *body, void *context);

#endif
