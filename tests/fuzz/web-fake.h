/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-fake.h - a web function between a fake pipe and a fake service set.
 *
 * The pipe is played by the fuzz target's input; the set checks everything it
 * is given against the promises of service/web.h and answers in ways that the
 * request's target picks.
 */
#ifndef TESTS_FUZZ_WEB_FAKE_H
#define TESTS_FUZZ_WEB_FAKE_H

#include <stddef.h>
#include <stdint.h>

/*
 * One connection's life: octets in pieces whose sizes steps picks, answers
 * read in pieces as well, then the end.
 */
void web_fake_run(const uint8_t *data, size_t len, uint32_t steps);

#endif
