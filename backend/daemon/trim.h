/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trim.h - memory that a burst needed goes back to the system afterwards.
 */
#ifndef DAEMON_TRIM_H
#define DAEMON_TRIM_H

#include <uv.h>

/*
 * Watches the loop: when nothing has happened on it for a while after
 * something did, what malloc keeps free is given back.  The handles do not
 * keep the loop alive; trim_stop() must run before the loop is closed.
 */
struct trim {
	uv_check_t check;
	uv_timer_t timer;
};

void trim_start(struct trim *trim, uv_loop_t *loop);
void trim_stop(struct trim *trim);

#endif
