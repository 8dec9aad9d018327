// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-guest.c - what 2virt-guest parses of others: descriptors and names of
 * devices, kernel events, status lines. The first octet says which.
 */
#include "frontend-linux/guest/descriptor.h"
#include "frontend-linux/guest/discover.h"
#include "frontend-linux/guest/listener.h"
#include "frontend-linux/guest/name.h"
#include "frontend-linux/guest/status.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_descriptors(const uint8_t *data, size_t size)
{
	struct descriptor_pipes pipes;
	const char *why = NULL;

	if (descriptor_parse(&pipes, data, size, 1, 0, &why)) {
		assert(why);
		return;
	}
	assert(pipes.count >= 1 && pipes.count <= TV_PIPE_MAX);
	assert(pipes.event_endpoint & 0x80);
	for (unsigned int i = 0; i < pipes.count; i++)
		assert((pipes.pipe[i].in & 0x80) &&
		       !(pipes.pipe[i].out & 0x80) && pipes.pipe[i].out);
}

static void fuzz_name(const uint8_t *data, size_t size)
{
	struct function_name name;
	char path[108];

	if (name_parse(&name, (const char *)data, size))
		return;
	assert(!strchr(name.name, '/') && name.name[0] != '.');
	assert(strlen(name.type) + 1 + strlen(name.name) == size);
	assert(name_socket_path(&name, "/run/2virt", path, sizeof(path)) == 0);
}

static void fuzz_text(const uint8_t *data, size_t size, uint8_t kind)
{
	char *text = malloc(size + 1);
	struct status_row row;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (kind == 2)
		status_row_read(&row, text);
	else
		listener_address_check(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_descriptors(data + 1, size - 1);
		break;
	case 1:
		fuzz_name(data + 1, size - 1);
		break;
	case 4:
		discover_event_is_usb((const char *)data + 1, size - 1);
		break;
	default:
		fuzz_text(data + 1, size - 1, data[0] % 5);
	}
	return 0;
}
