// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-manage.c - requests of any content through the parser and the router of
 * the control API, as root and as a reader, with a daemon in memory.
 *
 * The first octet says who asks; the rest is what comes over the socket.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"
#include "tests/unit/manage_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* One request; returns how many octets it took, 0: it is the last. */
static size_t serve(struct manage_fake *fake, const struct manage_peer *peer,
		    const char *data, size_t size)
{
	struct request request;
	struct answer answer;
	const char *why = NULL;
	struct call call = {
		.ops = &manage_fake_ops,
		.context = fake,
		.peer = peer,
		.request = &request,
		.answer = &answer,
	};
	int status = request_parse_head(data, size, &request, &why);
	unsigned int audits = fake->audits;

	check(status == 0 || status == 1 || (status >= 400 && status < 600));
	if (status != 1)
		return 0;
	check(request.head_len <= REQUEST_HEAD_MAX &&
	      request.body_len <= REQUEST_BODY_MAX);
	if (size - request.head_len < request.body_len)
		return 0;
	request.body = data + request.head_len;
	route(&call);
	check(answer.kind != ANSWER_LATER);
	check(answer.status >= 200 && answer.status < 600);
	/* What a reader does changes nothing, and is told. */
	if (!peer->may_change && fake->audits != audits)
		check(answer.status == 403);
	if (answer.kind == ANSWER_NOW)
		check(answer.body && answer.len);
	answer_fini(&answer);
	return request.head_len + request.body_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manage_peer peer = {.uid = 1000};
	struct manage_fake fake;
	char *copy;
	size_t at = 0, took;

	if (size < 1)
		return 0;
	peer.may_change = data[0] & 1;
	copy = malloc(size); /* so that ASan sees the end */
	memcpy(copy, data + 1, size - 1);
	manage_fake_init(&fake, data[0] & 2 ? "/nonexistent" : NULL);
	while ((took = serve(&fake, &peer, copy + at, size - 1 - at)))
		at += took;
	manage_fake_fini(&fake);
	free(copy);
	return 0;
}
