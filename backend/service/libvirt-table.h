/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-table.h - what the procedures of libvirt's RPC are to us.  The table
 * is made by libvirt-table.py, which also says what the letters of a shape
 * mean.
 */
#ifndef SERVICE_LIBVIRT_TABLE_H
#define SERVICE_LIBVIRT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum libvirt_class {
	LIBVIRT_CLASS_NEVER,
	LIBVIRT_CLASS_BASE, /* holding a connection: any verb */
	LIBVIRT_CLASS_SEE,  /* a granted domain exists: any verb */
	/* The verb of this name. */
	LIBVIRT_CLASS_INFO,
	LIBVIRT_CLASS_CONSOLE,
	LIBVIRT_CLASS_LIFECYCLE,
	LIBVIRT_CLASS_RESET,
	LIBVIRT_CLASS_SNAPSHOT,
	LIBVIRT_CLASS_RESIZE,
	LIBVIRT_CLASS_EVENTS,
	LIBVIRT_CLASS_FULL,
	LIBVIRT_CLASS_COUNT
};

/* What code of its own handles a procedure. */
enum libvirt_special {
	LIBVIRT_PLAIN,
	LIBVIRT_OPEN,
	LIBVIRT_CLOSE,
	LIBVIRT_URI,
	LIBVIRT_FEATURE,
	LIBVIRT_AUTH,
	LIBVIRT_LOOKUP_UUID,
	LIBVIRT_LOOKUP_NAME,
	LIBVIRT_LIST,
	LIBVIRT_LIST_IDS,
	LIBVIRT_LIST_NAMES,
	LIBVIRT_COUNT_ACTIVE,
	LIBVIRT_COUNT_DEFINED,
	LIBVIRT_STREAM,
	LIBVIRT_REGISTER,
	LIBVIRT_DEREGISTER,
	/* Refused in a way that stock clients go on after. */
	LIBVIRT_UNSUPPORTED,
};

struct libvirt_procedure {
	uint16_t number;
	uint8_t class;	 /* enum libvirt_class */
	uint8_t special; /* enum libvirt_special */
	bool event;	 /* sent by the daemon; cannot be called */
	uint32_t flags;	 /* that may be set in a call */
	const char *name;
	const char *acl;   /* libvirt's own rule, for people */
	const char *call;  /* shapes */
	const char *reply; /* ... of the message, if it is an event */
};

struct libvirt_program {
	const char *name;
	uint32_t number;
	uint32_t version;
	unsigned int count; /* procedures 1..count */
	const struct libvirt_procedure *procedures;
};

extern const char libvirt_table_source[];	  /* version of the package */
extern const unsigned long libvirt_table_version; /* as libvirt counts it */
extern const struct libvirt_program libvirt_programs[];
extern const unsigned int libvirt_program_count;

/* NULL: unknown, and so denied. */
const struct libvirt_procedure *
libvirt_procedure_find(uint32_t program, uint32_t version, uint32_t number);

#endif
