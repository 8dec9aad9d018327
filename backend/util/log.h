/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - one line a message on stderr, with the priority prefix ("<3>") that
 * systemd's journal reads.
 *
 * Log at the layer that decides, once.  What a guest can cause goes through a
 * struct log_limit, so that a guest cannot fill the host's disk.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* A bucket: at most burst messages at once, refilled one every interval_ms. */
struct log_limit {
	uint32_t burst;
	uint32_t interval_ms;
	uint32_t level;
	uint64_t updated_ms;
	uint64_t suppressed;
};

#define LOG_LIMIT_INIT(b, ms)                                                  \
	{                                                                      \
		.burst = (b), .interval_ms = (ms)                              \
	}

/*
 * Sets what every line begins with ("2virt-device[dom 3/0]") and the highest
 * level that is printed.  The prefix is copied (at most 63 octets).
 */
void log_init(const char *prefix, enum log_level max_level);

void log_print(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* True if a message may be printed now; counts the others. */
bool log_limit_allows(struct log_limit *limit);

#define log_error(...) log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_print(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Prints unless the limit says no; says how many were left out before. */
#define log_limited(limit, level, ...)                                         \
	do {                                                                   \
		if (log_limit_allows(limit))                                   \
			log_print(level, __VA_ARGS__);                         \
	} while (0)

#endif
