/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xsd_preload.c - what xenstored alone needs besides the Xen libraries: its
 * two files of /proc/xen.  Preloaded into xenstored together with libfakexen;
 * never linked into anything else.
 *
 * xsd_port names dom0's event channel and xsd_kva is its XenStore page; both
 * are files of the fake's folder (layout.h).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int open_function(const char *path, int flags, ...);

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

static int open_any(const char *path, int flags, unsigned mode)
{
	static open_function *next;
	const char *folder = getenv("TV_FAKE_XEN_DIR");
	char redirected[4200];

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "open64");
	if (folder && !strncmp(path, "/proc/xen/xsd_", 14)) {
		snprintf(redirected, sizeof(redirected), "%s/%s", folder,
			 path + 10);
		path = redirected;
	}
	return next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	unsigned mode;

	va_start(arguments, flags);
	mode = va_arg(arguments, unsigned);
	va_end(arguments);
	return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	unsigned mode;

	va_start(arguments, flags);
	mode = va_arg(arguments, unsigned);
	va_end(arguments);
	return open_any(path, flags, mode);
}
