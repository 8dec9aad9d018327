// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store.c - XenStore as the broker uses it.
 *
 * Every value comes back as one block of malloc from libxenstore; it is copied
 * into the caller's bounded buffer and freed here.
 */
#include "backend/daemon/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRANSACTION_TRIES = 16 };

static uint64_t operations;

uint64_t store_operations(void)
{
	return operations;
}

/* Makes a path; 0 or -ENAMETOOLONG. */
static int path_make(char path[STORE_PATH_SIZE], const char *format,
		     va_list args)
{
	int len = vsnprintf(path, STORE_PATH_SIZE, format, args);

	return len < 0 || len >= STORE_PATH_SIZE ? -ENAMETOOLONG : 0;
}

static int errno_or(int fallback)
{
	return errno ? -errno : fallback;
}

static int read_path(struct xs_handle *xs, xs_transaction_t transaction,
		     char *value, size_t size, const char *path)
{
	unsigned int len;
	char *data;
	int error = 0;

	errno = 0;
	operations++;
	data = xs_read(xs, transaction, path, &len);
	if (!data)
		return errno_or(-EIO);
	if (len >= size || memchr(data, '\0', len)) {
		error = -EMSGSIZE;
	} else {
		memcpy(value, data, len);
		value[len] = '\0';
	}
	free(data);
	return error;
}

int store_read(struct xs_handle *xs, xs_transaction_t transaction, char *value,
	       size_t size, const char *format, ...)
{
	char path[STORE_PATH_SIZE];
	va_list args;
	int error;

	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	return error ? error : read_path(xs, transaction, value, size, path);
}

bool store_parse_number(const char *text, uint32_t max, uint32_t *number)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		value = value * 10 + (uint64_t)(*c - '0');
		if (value > max)
			return false;
	}
	*number = (uint32_t)value;
	return true;
}

int store_read_number(struct xs_handle *xs, xs_transaction_t transaction,
		      uint32_t max, uint32_t *number, const char *format, ...)
{
	char path[STORE_PATH_SIZE], value[16];
	va_list args;
	int error;

	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	if (!error)
		error = read_path(xs, transaction, value, sizeof(value), path);
	if (error)
		return error == -EMSGSIZE ? -EINVAL : error;
	return store_parse_number(value, max, number) ? 0 : -EINVAL;
}

int store_write(struct xs_handle *xs, xs_transaction_t transaction,
		const char *value, const char *format, ...)
{
	char path[STORE_PATH_SIZE];
	va_list args;
	int error;

	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	if (error)
		return error;
	errno = 0;
	operations++;
	if (!xs_write(xs, transaction, path, value,
		      (unsigned int)strlen(value)))
		return errno_or(-EIO);
	return 0;
}

int store_remove(struct xs_handle *xs, xs_transaction_t transaction,
		 const char *format, ...)
{
	char path[STORE_PATH_SIZE];
	va_list args;
	int error;

	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	if (error)
		return error;
	errno = 0;
	operations++;
	if (!xs_rm(xs, transaction, path) && errno != ENOENT)
		return errno_or(-EIO);
	return 0;
}

bool store_exists(struct xs_handle *xs, xs_transaction_t transaction,
		  const char *format, ...)
{
	char path[STORE_PATH_SIZE];
	unsigned int len;
	va_list args;
	char *data;
	int error;

	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	if (error)
		return false;
	operations++;
	data = xs_read(xs, transaction, path, &len);
	free(data);
	return data != NULL;
}

char **store_list(struct xs_handle *xs, xs_transaction_t transaction,
		  unsigned int *count, const char *format, ...)
{
	char path[STORE_PATH_SIZE];
	char **names;
	va_list args;
	int error;

	*count = 0;
	va_start(args, format);
	error = path_make(path, format, args);
	va_end(args);
	if (error)
		return NULL;
	operations++;
	names = xs_directory(xs, transaction, path, count);
	if (!names)
		*count = 0;
	return names;
}

int store_check_private(struct xs_handle *xs, const char *path)
{
	struct xs_permissions *perms;
	unsigned int count;
	int error = 0;

	errno = 0;
	operations++;
	perms = xs_get_permissions(xs, XBT_NULL, path, &count);
	if (!perms)
		return errno_or(-EIO);
	/* The first entry names the owner and what everybody else may do. */
	if (count == 0 || perms[0].id != 0 || (perms[0].perms & XS_PERM_WRITE))
		error = -EPERM;
	for (unsigned int i = 1; i < count; i++)
		if (perms[i].id != 0 && (perms[i].perms & XS_PERM_WRITE))
			error = -EPERM;
	free(perms);
	return error;
}

int store_make_private(struct xs_handle *xs, const char *path)
{
	struct xs_permissions nobody = {.id = 0, .perms = XS_PERM_NONE};

	errno = 0;
	operations++;
	if (!xs_mkdir(xs, XBT_NULL, path))
		return errno_or(-EIO);
	operations++;
	if (!xs_set_permissions(xs, XBT_NULL, path, &nobody, 1))
		return errno_or(-EIO);
	return 0;
}

int store_transact(struct xs_handle *xs, store_body *body, void *context)
{
	for (int i = 0; i < TRANSACTION_TRIES; i++) {
		xs_transaction_t transaction;
		int error;

		errno = 0;
		operations++;
		transaction = xs_transaction_start(xs);
		if (transaction == XBT_NULL)
			return errno_or(-EIO);
		error = body(xs, transaction, context);
		operations++;
		if (error) {
			xs_transaction_end(xs, transaction, true);
			return error;
		}
		if (xs_transaction_end(xs, transaction, false))
			return 0;
		if (errno != EAGAIN)
			return errno_or(-EIO);
	}
	return -EAGAIN;
}
