// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trim.c - giving memory back after a burst.
 *
 * Every turn of the loop puts the timer off, but for the one that its own time
 * has ended.  So it fires once, QUIET_MS after the last activity, and not again
 * before something happens: an idle process is not woken up.
 */
#include "backend/daemon/trim.h"

#include <malloc.h>

enum { QUIET_MS = 1000 };

static void on_quiet(uv_timer_t *timer)
{
	malloc_trim(0);
}

static void on_turn(uv_check_t *check)
{
	struct trim *trim = check->data;
	uv_handle_t *timer = (uv_handle_t *)&trim->timer;

	if (uv_is_active(timer) && uv_timer_get_due_in(&trim->timer) == 0)
		return;
	uv_timer_start(&trim->timer, on_quiet, QUIET_MS, 0);
}

void trim_start(struct trim *trim, uv_loop_t *loop)
{
	uv_check_init(loop, &trim->check);
	uv_timer_init(loop, &trim->timer);
	trim->check.data = trim;
	uv_check_start(&trim->check, on_turn);
	uv_unref((uv_handle_t *)&trim->check);
	uv_unref((uv_handle_t *)&trim->timer);
}

void trim_stop(struct trim *trim)
{
	uv_close((uv_handle_t *)&trim->check, NULL);
	uv_close((uv_handle_t *)&trim->timer, NULL);
}
