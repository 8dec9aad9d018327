// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-xl-config.c - any octets as an xl configuration and as a command line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/xl_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

static void config_check(const struct xl_config *config)
{
	REQUIRE(strlen(config->name) < XL_CONFIG_TEXT_SIZE);
	REQUIRE(strlen(config->uuid) < XL_CONFIG_TEXT_SIZE);
	REQUIRE(strlen(config->usbdev) < XL_CONFIG_TEXT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xl_config config = {.name = ""};
	struct xl_command command;
	unsigned int line = 0;

	if (xl_config_parse(&config, (const char *)data, size, &line) < 0)
		REQUIRE(line >= 1);
	config_check(&config);
	if (xl_config_command(&command, (const char *)data, size)) {
		const char *file = command.file;

		REQUIRE(file >= (const char *)data &&
			file + strlen(file) < (const char *)data + size);
		config_check(&command.extra);
	}
	return 0;
}
