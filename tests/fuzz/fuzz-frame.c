// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-frame.c - octets of a hostile member as Ethernet frames.
 *
 * The first octet chooses direction and policy; the rest is the frame.  What
 * passes has a legal length and the member's MAC, and passes again unchanged,
 * on its way out and on another member's way in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/service/frame_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

static const struct frame_policy base = {
	.macs = {{0x02, 0, 0, 0, 0, 1}},
	.mac_count = 1,
	.prefixes = {{.address = {10, 0, 0, 1}, .bits = 32},
		     {.address = {10, 1, 0, 0}, .bits = 17},
		     {.address = {0xfd}, .bits = 9, .v6 = true}},
};

static void check_again(const struct frame_policy *policy, const uint8_t *frame,
			size_t len, bool from_guest)
{
	/* Malloc: one octet beyond is one too many. */
	uint8_t *copy = malloc(FRAME_BUFFER);
	size_t again = len;

	memcpy(copy, frame, len);
	REQUIRE((from_guest ? frame_from_guest : frame_to_guest)(
			policy, copy, &again) == FRAME_PASS);
	REQUIRE(again == len && memcmp(copy, frame, len) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_policy policy = base;
	struct frame_policy plain = base;
	enum frame_verdict verdict;
	uint8_t *frame;
	size_t len;
	bool out;

	if (size < 1 || size - 1 > FRAME_BUFFER)
		return 0;
	frame = malloc(FRAME_BUFFER);
	len = size - 1;
	memcpy(frame, data + 1, len);
	out = data[0] & 1;
	policy.prefix_count = data[0] & 2 ? 3 : 0;
	policy.router = data[0] & 4;
	policy.vlan = data[0] & 8 ? 7 : 0;
	verdict = out ? frame_from_guest(&policy, frame, &len)
		      : frame_to_guest(&policy, frame, &len);
	REQUIRE(verdict < FRAME_VERDICT_COUNT);
	if (verdict == FRAME_PASS) {
		if (out && policy.vlan) {
			REQUIRE(len >= FRAME_MIN + 4 && len <= FRAME_MAX + 4);
			REQUIRE(frame_to_guest(&policy, frame, &len) ==
				FRAME_PASS);
		}
		REQUIRE(len >= FRAME_MIN && len <= FRAME_MAX);
		plain.prefix_count = policy.prefix_count;
		plain.router = policy.router;
		check_again(&plain, frame, len, false);
		if (out)
			check_again(&plain, frame, len, true);
	}
	free(frame);
	return 0;
}
