// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log.c - log lines on stderr.
 *
 * Each line is written with one write(2), so lines of several processes that
 * share a stderr never mix.  Control characters are replaced: a guest's name
 * or header in a message cannot forge a line of its own.
 */
#include "backend/util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, PREFIX_MAX_LEN = 64 };

static char log_prefix[PREFIX_MAX_LEN] = "2virt";
static enum log_level log_max_level = LOG_LEVEL_INFO;

void log_init(const char *prefix, enum log_level max_level)
{
	snprintf(log_prefix, sizeof(log_prefix), "%s", prefix);
	log_max_level = max_level;
}

void log_print(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	size_t len;
	va_list args;
	int n;

	if (level > log_max_level)
		return;
	n = snprintf(line, sizeof(line), "<%d>%s: ", level, log_prefix);
	len = (size_t)n;
	va_start(args, format);
	n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - len - 2)
		len = sizeof(line) - 2;
	else
		len += (size_t)n;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* Nothing can be done about a stderr that takes no more. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool log_limit_allows(struct log_limit *limit)
{
	uint64_t now_ms = monotonic_ms();
	uint64_t refill = (now_ms - limit->updated_ms) /
			  (limit->interval_ms ? limit->interval_ms : 1);

	/* level counts what has been spent, so that zeroed means full. */
	if (refill) {
		limit->level = refill < limit->level
				       ? limit->level - (uint32_t)refill
				       : 0;
		limit->updated_ms = now_ms;
	}
	if (limit->level >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->level++;
	if (limit->suppressed) {
		log_notice("%llu messages like the next were left out",
			   (unsigned long long)limit->suppressed);
		limit->suppressed = 0;
	}
	return true;
}
