// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-http2.c - hostile HTTP/2: frames of a guest to the web function.
 *
 * The first octet picks how the rest is cut into pieces; with its top bit set
 * the input begins with the preface itself, else that is put before it.
 */
#include "tests/fuzz/web-fake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	const size_t preface_len = sizeof(preface) - 1;
	uint8_t *text;

	if (!size)
		return 0;
	if (data[0] & 0x80) {
		web_fake_run(data + 1, size - 1, data[0]);
		return 0;
	}
	text = malloc(preface_len + size);
	if (!text)
		return 0;
	memcpy(text, preface, preface_len);
	memcpy(text + preface_len, data + 1, size - 1);
	web_fake_run(text, preface_len + size - 1, data[0]);
	free(text);
	return 0;
}
