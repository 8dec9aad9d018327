// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-ring.c - promises of the ring's backend end.
 */
#include "backend/xen/ring.h"

#include "protocol/usbif.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { ENTRIES = 16, SIZE = 148 };

static _Alignas(64) uint8_t page[4096];
static struct tv_ring_header *const shared = (void *)page;
static struct ring ring;

static int setup(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	shared->req_event = 1;
	shared->rsp_event = 1;
	ring_init(&ring, page, ENTRIES, SIZE);
	return 0;
}

static uint8_t *slot(uint32_t index)
{
	return page + 64 + (index % ENTRIES) * SIZE;
}

static void every_order_fits_its_pages(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= USBIF_MAX_RING_ORDER; order++)
		assert_true(64 + USBIF_URB_RING_ENTRIES(order) *
					    sizeof(struct tv_usbif_request) <=
			    (size_t)4096 << order);
	assert_true(64 + 512 * sizeof(struct tv_usbif_conn_response) <= 4096);
}

static void a_full_ring_of_requests_is_counted(void **state)
{
	uint32_t count = 99;

	(void)state;
	assert_int_equal(ring_request_count(&ring, &count), 0);
	assert_int_equal(count, 0);
	shared->req_prod = ENTRIES;
	assert_int_equal(ring_request_count(&ring, &count), 0);
	assert_int_equal(count, ENTRIES);
}

static void more_requests_than_entries_are_refused(void **state)
{
	uint32_t count = 99;

	(void)state;
	shared->req_prod = ENTRIES + 1;
	assert_int_equal(ring_request_count(&ring, &count), -EPROTO);
	shared->req_prod = UINT32_MAX;
	assert_int_equal(ring_request_count(&ring, &count), -EPROTO);
	assert_int_equal(count, 99);
}

static void requests_beyond_unanswered_ones_are_refused(void **state)
{
	uint32_t count;

	(void)state;
	shared->req_prod = ENTRIES;
	ring_request_take(&ring, ENTRIES);
	shared->req_prod = ENTRIES + 1;
	assert_int_equal(ring_request_count(&ring, &count), -EPROTO);
	/* One was answered: there is room for one. */
	ring_response_put(&ring, "", 0);
	assert_int_equal(ring_request_count(&ring, &count), 0);
	assert_int_equal(count, 1);
}

static void requests_taken_back_are_refused(void **state)
{
	uint32_t count;

	(void)state;
	shared->req_prod = 5;
	ring_request_take(&ring, 5);
	shared->req_prod = 4;
	assert_int_equal(ring_request_count(&ring, &count), -EPROTO);
}

static void indexes_wrap_at_two_to_the_32(void **state)
{
	uint32_t count;

	(void)state;
	ring_resume(&ring, UINT32_MAX - 1, UINT32_MAX - 2);
	shared->req_prod = 3;
	assert_int_equal(ring_request_count(&ring, &count), 0);
	assert_int_equal(count, 5);
	ring_request_take(&ring, 5);
	for (int i = 0; i < 6; i++)
		ring_response_put(&ring, "x", 1);
	ring_response_publish(&ring);
	assert_int_equal(shared->rsp_prod, 3);
}

static void a_request_is_copied_once(void **state)
{
	uint8_t request[SIZE];

	(void)state;
	memset(slot(2), 0x11, SIZE);
	ring_request_copy(&ring, 2, request, SIZE);
	memset(slot(2), 0x22, SIZE);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(request[i], 0x11);
}

static void the_final_check_asks_for_an_event_then_looks_again(void **state)
{
	(void)state;
	ring_request_take(&ring, 3);
	shared->req_prod = 3;
	assert_false(ring_final_check(&ring));
	assert_int_equal(shared->req_event, 4);
	shared->req_prod = 4;
	assert_true(ring_final_check(&ring));
}

static void responses_are_seen_only_when_published(void **state)
{
	(void)state;
	ring_request_take(&ring, 2);
	ring_response_put(&ring, "ab", 2);
	assert_int_equal(shared->rsp_prod, 0);
	ring_response_put(&ring, "cd", 2);
	assert_true(ring_response_publish(&ring));
	assert_int_equal(shared->rsp_prod, 2);
	assert_memory_equal(slot(0), "ab", 2);
	assert_memory_equal(slot(1), "cd", 2);
}

static void the_guest_is_notified_only_where_it_asked(void **state)
{
	(void)state;
	ring_request_take(&ring, 8);
	/* It looks again after the third response. */
	shared->rsp_event = 3;
	ring_response_put(&ring, "", 0);
	ring_response_put(&ring, "", 0);
	assert_false(ring_response_publish(&ring));
	ring_response_put(&ring, "", 0);
	assert_true(ring_response_publish(&ring));
	ring_response_put(&ring, "", 0);
	assert_false(ring_response_publish(&ring));
	/* No progress, no notification. */
	shared->rsp_event = 5;
	assert_false(ring_response_publish(&ring));
}

static void a_hostile_size_in_the_shared_page_changes_nothing(void **state)
{
	uint32_t count;

	(void)state;
	/* Everything the guest can write. */
	memset(page, 0xff, 64);
	assert_int_equal(ring_request_count(&ring, &count), -EPROTO);
	ring_response_put(&ring, "zz", 2);
	ring_response_publish(&ring);
	assert_memory_equal(slot(0), "zz", 2);
	assert_int_equal(shared->rsp_prod, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_order_fits_its_pages, setup),
		cmocka_unit_test_setup(a_full_ring_of_requests_is_counted,
				       setup),
		cmocka_unit_test_setup(more_requests_than_entries_are_refused,
				       setup),
		cmocka_unit_test_setup(
			requests_beyond_unanswered_ones_are_refused, setup),
		cmocka_unit_test_setup(requests_taken_back_are_refused, setup),
		cmocka_unit_test_setup(indexes_wrap_at_two_to_the_32, setup),
		cmocka_unit_test_setup(a_request_is_copied_once, setup),
		cmocka_unit_test_setup(
			the_final_check_asks_for_an_event_then_looks_again,
			setup),
		cmocka_unit_test_setup(responses_are_seen_only_when_published,
				       setup),
		cmocka_unit_test_setup(
			the_guest_is_notified_only_where_it_asked, setup),
		cmocka_unit_test_setup(
			a_hostile_size_in_the_shared_page_changes_nothing,
			setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
