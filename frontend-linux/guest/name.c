// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * name.c - parses function names that others chose.
 */
#include "name.h"

#include "protocol/pipe.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *name_of_type(uint8_t subclass)
{
	switch (subclass) {
	case TV_FUNCTION_WEB:
		return "web";
	case TV_FUNCTION_P2P:
		return "p2p";
	case TV_FUNCTION_LIBVIRT:
		return "libvirt";
	case TV_FUNCTION_DIAG:
		return "diag";
	case TV_FUNCTION_CHAR:
		return "char";
	default:
		return NULL;
	}
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

static bool is_type(const char *text, size_t len)
{
	for (unsigned int i = TV_FUNCTION_WEB; i <= TV_FUNCTION_DIAG; i++) {
		const char *type = name_of_type((uint8_t)i);

		if (strlen(type) == len && memcmp(type, text, len) == 0)
			return true;
	}
	return false;
}

int name_parse(struct function_name *name, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t type_len, name_len;

	if (!colon)
		return -EINVAL;
	type_len = (size_t)(colon - text);
	name_len = len - type_len - 1;
	if (!is_type(text, type_len))
		return -EINVAL;
	if (name_len == 0 || name_len >= NAME_MAX_LEN || colon[1] == '.')
		return -EINVAL;
	for (size_t i = 0; i < name_len; i++)
		if (!is_name_char(colon[1 + i]))
			return -EINVAL;

	memcpy(name->type, text, type_len);
	name->type[type_len] = '\0';
	memcpy(name->name, colon + 1, name_len);
	name->name[name_len] = '\0';
	return 0;
}

int name_socket_path(const struct function_name *name, const char *dir,
		     char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%s/%s.sock", dir, name->type,
			   name->name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}
