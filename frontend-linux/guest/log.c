// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log.c - log lines on stderr.
 *
 * What a device says may end up in a message: everything that is not plain
 * ASCII text is replaced, so it can forge no line and no terminal sequence.
 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level log_max_level = LOG_LEVEL_INFO;
static bool log_terminal;

void guest_log_init(enum log_level max_level)
{
	log_max_level = max_level;
	log_terminal = isatty(STDERR_FILENO) == 1;
}

void guest_log_print(enum log_level level, const char *format, ...)
{
	char line[512];
	va_list args;
	int head, len;

	if (level > log_max_level)
		return;
	if (log_terminal)
		head = snprintf(line, sizeof(line), "2virt-guest: ");
	else
		head = snprintf(line, sizeof(line), "<%d>2virt-guest: ", level);
	va_start(args, format);
	len = vsnprintf(line + head, sizeof(line) - (size_t)head, format, args);
	va_end(args);
	if (len < 0)
		return;
	len += head;
	if (len > (int)sizeof(line) - 1)
		len = sizeof(line) - 1;
	for (int i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[len++] = '\n';
	/* Nothing can be done about a stderr that takes no more. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
