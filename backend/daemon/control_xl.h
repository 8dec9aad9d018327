/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_xl.h - runs xl, to have libxl attach or detach controllers in the
 * normal way.
 */
#ifndef DAEMON_CONTROL_XL_H
#define DAEMON_CONTROL_XL_H

#include <stdint.h>
#include <uv.h>

enum { CONTROL_XL_ARGS = 8 };

/* error: 0, -EIO (xl says no), -ETIMEDOUT, or why it could not start; text: the
 * end of what it wrote on stderr, one line. */
typedef void control_xl_done(void *token, int error, const char *text);

/*
 * Runs program with these arguments (NULL at the end, at most
 * CONTROL_XL_ARGS; copied), no shell, nothing but PATH in its environment.
 * Killed after deadline_ms.  done is called exactly once, from the loop; the
 * loop has to run until then.  0, or a negative errno and done is not called.
 */
int control_xl_run(uv_loop_t *loop, const char *program,
		   const char *const *arguments, uint32_t deadline_ms,
		   control_xl_done *done, void *token);

#endif
