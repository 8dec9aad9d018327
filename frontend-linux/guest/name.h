/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name.h - names of functions: "<type>:<name>", for example "web:default".
 *
 * A name comes from a device or a command line and becomes a path; nothing
 * that is not plainly a name gets through name_parse().
 */
#ifndef GUEST_NAME_H
#define GUEST_NAME_H

#include <stddef.h>
#include <stdint.h>

enum { NAME_TYPE_MAX = 16, NAME_MAX_LEN = 64 };

struct function_name {
	char type[NAME_TYPE_MAX]; /* web, p2p, libvirt or char */
	char name[NAME_MAX_LEN];  /* 1..63 of a-z 0-9 . _ -, no dot first */
};

/*
 * Takes "type:name" apart.  0, or -EINVAL when the type is unknown or the
 * name is not one; *name is then as it was.
 */
int name_parse(struct function_name *name, const char *text, size_t len);

/* The type's word ("web"), or NULL for a subclass that is none. */
const char *name_of_type(uint8_t subclass);

/*
 * Puts "<dir>/<type>/<name>.sock" at path.  0 or -ENAMETOOLONG; size_t size
 * is that of path in octets.
 */
int name_socket_path(const struct function_name *name, const char *dir,
		     char *path, size_t size);

#endif
