/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl_attach.h - domains with usbdev="2virt" get a controller, by xl.
 *
 *	seen ──▶ asked for? ──no──▶ done
 *	             │yes
 *	             ▼
 *	        unpaused, no controller yet ──▶ xl usbctrl-attach ──▶ done
 *
 * The controller is libxl's then, as if an administrator had attached it:
 * reboot, save, migration and destroy know of it, and a domain that came with
 * one (as after a reboot) is left alone.
 */
#ifndef DAEMON_XL_ATTACH_H
#define DAEMON_XL_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "backend/daemon/domain_id.h"

enum { XL_ATTACH_RUNS, XL_ATTACH_PAUSED, XL_ATTACH_GONE };

struct xl_attach_ops {
	/* Is it in the domain's configuration?  May read files. */
	bool (*wanted)(void *context, const struct domain_id *domain);
	/* It has a controller that could be ours. */
	bool (*has_controller)(void *context, const struct domain_id *domain);
	/* XL_ATTACH_...: as the hypervisor says at this moment. */
	int (*run_state)(void *context, const struct domain_id *domain);
};

struct xl_attach_config {
	uv_loop_t *loop;
	const char *program; /* "xl" or a path */
	uint32_t deadline_ms;
	uint32_t look_ms; /* between two looks at what waits */
	const struct xl_attach_ops *ops;
	void *context;
};

struct xl_attach;

/* What config points to must outlive it.  NULL: no memory. */
struct xl_attach *xl_attach_create(const struct xl_attach_config *config);

/* A domain that was not there before.  Nothing is asked or done at once. */
void xl_attach_add(struct xl_attach *attach, const struct domain_id *domain);

/* Domains that still wait or are being given one. */
unsigned int xl_attach_pending(const struct xl_attach *attach);

/* Kills an xl at work.  Freed when the loop has run.  Accepts NULL. */
void xl_attach_destroy(struct xl_attach *attach);

#endif
