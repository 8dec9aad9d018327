/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h - asks 2virtd over its socket.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "backend/cli/cli.h"

/*
 * Asks and waits.  body: JSON (taken), or NULL.  CLI_OK and *answer (a
 * reference, NULL if it was no JSON); or said on stderr, and the exit status.
 * With cli->json the answer was printed and *answer is NULL.
 */
int client_ask(const struct cli *cli, const char *method, const char *path,
	       json_t *body, json_t **answer);

/* The same with a text as the body; NULL: none. */
int client_ask_text(const struct cli *cli, const char *method, const char *path,
		    const char *text, json_t **answer);

/* Calls back for each line until it says false, or the other side ends. */
int client_follow(const struct cli *cli, const char *path,
		  bool (*line)(void *context, const char *line), void *context);

/* "/v1/x?a=..&b=.." of names and values, NULL at the end; a value that is NULL
 * is left out.  For free(). */
char *client_path(const char *path, ...) __attribute__((sentinel));

#endif
