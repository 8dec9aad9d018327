/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl_config.h - what an xl configuration says about usbdev="2virt".
 *
 * xl keeps only what it knows, so the words must be read where it read them:
 * from the file and the command line of the xl process that made the domain.
 */
#ifndef DAEMON_XL_CONFIG_H
#define DAEMON_XL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	XL_CONFIG_MAX_BYTES = 65536, /* of a file or a command line */
	XL_CONFIG_TEXT_SIZE = 256,
};

/* The assignments that matter; a later one replaces an earlier one. */
struct xl_config {
	char name[XL_CONFIG_TEXT_SIZE];	  /* "": not said */
	char uuid[XL_CONFIG_TEXT_SIZE];	  /* "": not said */
	char usbdev[XL_CONFIG_TEXT_SIZE]; /* "": not said, or a list */
};

/*
 * Reads assignments (xl.cfg(5)): strings, numbers and lists; of others than
 * the three above only the form.  0; or -EINVAL, *line says where (counted
 * from 1), and config is not to be used.
 */
int xl_config_parse(struct xl_config *config, const char *text, size_t len,
		    unsigned int *line);

/* What a command line, as /proc/PID/cmdline has it, is about. */
struct xl_command {
	const char *file;	/* points into the command line, or NULL */
	struct xl_config extra; /* assignments behind the file */
};

/* False: it is not "xl create", or not a form that can be read. */
bool xl_config_command(struct xl_command *command, const char *line,
		       size_t len);

/* Where to look.  Only what owner owns and no other can write is believed. */
struct xl_config_places {
	const char *proc;   /* "/proc" */
	const char *folder; /* "/etc/xen", and its folder "auto" */
	uid_t owner;	    /* 0: of processes and files */
};

/*
 * True if the configuration of the domain of this name, and of this uuid when
 * it says one, has usbdev="2virt".  Looks at xl processes, the youngest first,
 * then for NAME and NAME.cfg in the folders.
 */
bool xl_config_wants(const struct xl_config_places *places, const char *name,
		     const char *uuid);

#endif
