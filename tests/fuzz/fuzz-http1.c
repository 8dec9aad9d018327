// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-http1.c - hostile HTTP/1.1: a guest's requests to the web function,
 * and an upstream's answers to the service.
 *
 * The first octet picks the side and how the rest is cut into pieces.
 */
#include "backend/service/web-internal.h"
#include "tests/fuzz/web-fake.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct web_answer *answer)
{
	assert(answer->head.status >= 200 && answer->head.status <= 999);
	for (size_t i = 0; i < answer->head.header_count; i++) {
		const struct web_header *header = &answer->head.headers[i];

		assert(header->name_len);
		for (size_t j = 0; j < header->name_len; j++)
			assert(header->name[j] > ' ' &&
			       header->name[j] < 0x7f &&
			       !(header->name[j] >= 'A' &&
				 header->name[j] <= 'Z'));
		for (size_t j = 0; j < header->value_len; j++)
			assert(header->value[j] == '\t' ||
			       ((unsigned char)header->value[j] >= ' ' &&
				header->value[j] != 0x7f));
	}
}

static void run_answer(const uint8_t *data, size_t size, size_t piece,
		       bool bodyless)
{
	struct web_budget budget = {.max_bytes = 1 << 20};
	struct web_buffer body = {0};
	struct web_answer answer = {0};
	bool fine = true;

	web_buffer_init(&body, 65536, &budget);
	web_answer_init(&answer, 4096, bodyless, &body);
	while (fine && !answer.complete) {
		size_t len = size < piece ? size : piece;

		assert(web_buffer_make_room(&body, len) >= len);
		fine = web_answer_feed(&answer, data, len);
		if (fine && answer.head_complete)
			check_answer(&answer);
		assert(!bodyless || !web_buffer_used(&body));
		web_buffer_consume(&body, web_buffer_used(&body));
		data += len;
		size -= len;
		if (!len)
			break;
	}
	web_answer_free(&answer);
	web_buffer_free(&body);
	assert(!budget.used_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 0x80)
		run_answer(data + 1, size - 1,
			   (data[0] & 0x3f) ? data[0] & 0x3f : 16384,
			   data[0] & 0x40);
	else
		web_fake_run(data + 1, size - 1, data[0]);
	return 0;
}
