/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker.h - 2virtd: watches XenStore, serves all controllers of all domains.
 */
#ifndef DAEMON_BROKER_H
#define DAEMON_BROKER_H

#include <stdint.h>

struct broker_config {
	const char *services_folder;
	const char *run_folder; /* journals; made if it is not there */
	const char *control;	/* socket; NULL: control.sock there */
	const char *program;	/* path of 2virt-device */
	const char *xl_program; /* "xl" or a path */
	const char *xl_folder;	/* configurations of xl */
	const char *policy_folder;
	const char *domains_folder;
	const char *keep_folder; /* copies of good versions; NULL: none */
	const char *ask_program; /* NULL: asking is denying */
	const char *audit_file;	 /* NULL: the journal */
	const char *contact;	 /* whom guests may ask; NULL: nobody */
	uint32_t uid_base;	 /* a device process gets uid_base + domid */
	uint32_t log_level;
};

/*
 * Serves until SIGTERM or SIGINT.  0; or a negative errno if it could not
 * start, or lost XenStore (said in the log).
 */
int broker_run(const struct broker_config *config);

#endif
