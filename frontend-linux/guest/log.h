/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - one line a message on stderr.
 *
 * Under a journal each line begins with its priority ("<4>"), on a terminal
 * with the program's name alone.
 */
#ifndef GUEST_LOG_H
#define GUEST_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Sets the highest level that is printed. */
void guest_log_init(enum log_level max_level);

void guest_log_print(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) guest_log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) guest_log_print(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) guest_log_print(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) guest_log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) guest_log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
