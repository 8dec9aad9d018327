// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-link-processes.c - two processes on a link, either of which is killed
 * at any instruction, a thousand times.
 *
 * The parent plays the broker: each round it makes a new pair, hands the ends
 * to two workers and after a random time kills one of them, both or none.  A
 * worker keeps four streams busy in both directions: what it writes is made of
 * numbered and checksummed blocks that name the round and the stream.  What
 * comes must be whole blocks of this round and of one writer in their order; an
 * end of stream must come right after the writer's last block.  A worker that
 * lives on takes the next round's pair in the middle of whatever it does.
 *
 * The octets of a connection that fails may be cut anywhere, but not be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ROUNDS = 1000,
	STREAMS = 4,
	BLOCK_MAX = 6000,
	HEADER = 32,
	LAST_BLOCK = 1,
	KILL_WITHIN_US = 8000,
};

/* --- a worker ------------------------------------------------------------- */

struct block {
	uint32_t round;
	uint32_t number;
	uint64_t writer; /* random: names the stream's end */
	uint32_t len;	 /* octets after the header */
	uint32_t flags;
	uint64_t sum; /* of the octets and of all of the above */
};

static_assert(sizeof(struct block) == HEADER, "no holes");

struct end {
	struct link_stream *stream;
	uint32_t round; /* in which it was joined */
	uint64_t writer;
	uint32_t blocks;     /* to write in all */
	uint32_t out_number; /* next to write */
	uint8_t out[HEADER + BLOCK_MAX];
	size_t out_len, out_at;
	bool out_over;
	uint64_t peer;
	uint32_t in_number;
	uint8_t in[HEADER + BLOCK_MAX];
	size_t in_len;
	bool in_last;
	bool in_over;
	bool abrupt; /* close somewhere in the middle */
};

/* What a worker says to the parent. */
struct report {
	uint64_t octets;
	uint64_t ended; /* connections that came to their end */
	uint64_t failed;
};

static uv_loop_t loop;
static struct link_end *link_end;
static struct end ends[STREAMS];
static uint32_t round_now;
static struct report report;
static uint64_t seed;
static int control;

static void die(const char *what)
{
	fprintf(stderr, "round %u: %s\n", round_now, what);
	_exit(3);
}

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t sum_of(const struct block *block, const uint8_t *data)
{
	uint64_t sum = 14695981039346656037u ^ block->writer;

	sum = (sum ^ block->round) * 1099511628211u;
	sum = (sum ^ block->number) * 1099511628211u;
	sum = (sum ^ block->len) * 1099511628211u;
	sum = (sum ^ block->flags) * 1099511628211u;
	for (uint32_t i = 0; i < block->len; i++)
		sum = (sum ^ data[i]) * 1099511628211u;
	return sum;
}

static void end_open(struct end *end);

static void end_close(struct end *end)
{
	link_stream_close(end->stream);
	end->stream = NULL;
	end_open(end);
}

static void block_make(struct end *end)
{
	struct block block = {
		.round = end->round,
		.number = end->out_number++,
		.writer = end->writer,
		.len = (uint32_t)(random_next() % BLOCK_MAX),
	};
	uint64_t fill = random_next();

	if (end->out_number == end->blocks)
		block.flags = LAST_BLOCK;
	for (uint32_t i = 0; i < block.len; i++)
		end->out[HEADER + i] = (uint8_t)(fill >> (i % 57));
	block.sum = sum_of(&block, end->out + HEADER);
	memcpy(end->out, &block, HEADER);
	end->out_len = HEADER + block.len;
	end->out_at = 0;
}

/* False: the stream was closed. */
static bool end_write(struct end *end)
{
	while (!end->out_over) {
		ssize_t n;

		if (end->out_at == end->out_len) {
			if (end->out_number == end->blocks) {
				link_stream_shutdown(end->stream);
				end->out_over = true;
				break;
			}
			block_make(end);
		}
		n = link_stream_write(end->stream, end->out + end->out_at,
				      end->out_len - end->out_at);
		if (n == LINK_BROKEN)
			end->out_over = true; /* what comes is still good */
		else if (n == 0)
			return true;
		else
			end->out_at += (size_t)n;
	}
	return true;
}

static void block_check(struct end *end)
{
	struct block block;

	memcpy(&block, end->in, HEADER);
	if (block.round != end->round)
		die("an octet of another round");
	if (end->in_number == 0)
		end->peer = block.writer;
	if (block.writer != end->peer || block.writer == end->writer)
		die("an octet of another stream");
	if (block.number != end->in_number)
		die("a block is lost or repeated");
	if (end->in_last)
		die("a block after the last one");
	if (block.sum != sum_of(&block, end->in + HEADER))
		die("a wrong checksum");
	end->in_number++;
	end->in_last = block.flags & LAST_BLOCK;
	end->in_len = 0;
	report.octets += HEADER + block.len;
}

static bool end_read(struct end *end)
{
	while (!end->in_over) {
		struct block block;
		size_t want = HEADER;
		ssize_t n;

		if (end->in_len >= HEADER) {
			memcpy(&block, end->in, HEADER);
			if (block.len > BLOCK_MAX)
				die("a length that was never written");
			want = HEADER + block.len;
		}
		if (end->in_len == want) {
			block_check(end);
			if (end->abrupt && end->in_number > 3) {
				end_close(end);
				return false;
			}
			continue;
		}
		n = link_stream_read(end->stream, end->in + end->in_len,
				     want - end->in_len);
		if (n == 0)
			return true;
		if (n == LINK_BROKEN) {
			report.failed++;
			end_close(end);
			return false;
		}
		if (n == LINK_END) {
			if (end->in_len || !end->in_last)
				die("an end that is too early");
			end->in_over = true;
		} else {
			end->in_len += (size_t)n;
		}
	}
	return true;
}

static void end_go_on(struct end *end)
{
	if (!end_write(end) || !end_read(end))
		return;
	if (end->in_over && end->out_over) {
		report.ended++;
		end_close(end);
	}
}

static void on_opened(void *context)
{
	struct end *end = context;

	end->round = round_now;
	end_go_on(end);
}

static void on_failed(void *context, enum link_failure failure)
{
	report.failed++;
	end_close(context);
}

static void on_some(void *context)
{
	end_go_on(context);
}

static const struct link_stream_events stream_events = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_some,
	.writable = on_some,
};

static void end_open(struct end *end)
{
	memset(end, 0, sizeof(*end));
	end->writer = random_next();
	end->blocks = 1 + (uint32_t)(random_next() % 60);
	end->abrupt = random_next() % 8 == 0;
	end->stream = link_stream_open(link_end, &stream_events, end);
	if (!end->stream)
		die("no memory");
}

static int receive_pair(struct link_fds *fds, bool *caller)
{
	union {
		char data[CMSG_SPACE(LINK_FD_COUNT * sizeof(int))];
		struct cmsghdr align;
	} ancillary;
	uint32_t words[2];
	struct iovec iov = {words, sizeof(words)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = ancillary.data,
				 .msg_controllen = sizeof(ancillary.data)};
	ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC);

	if (n != sizeof(words) || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*fds));
	round_now = words[0];
	*caller = words[1];
	return 0;
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct link_fds fds;
	bool caller;

	if (receive_pair(&fds, &caller))
		_exit(0);
	/*
	 * What is left of the round before may still be read to its end; a
	 * stream that is joined from now on is of this one.
	 */
	if (link_end_attach(link_end, &fds, caller))
		die("the pair is refused");
	if (send(control, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		_exit(0);
	memset(&report, 0, sizeof(report));
}

static void work(int fd, uint64_t number)
{
	uv_poll_t poll;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	control = fd;
	seed = number * 2654435761u + 88172645463325252u;
	uv_loop_init(&loop);
	link_end = link_end_create(&loop, LINK_SYMMETRIC);
	uv_poll_init(&loop, &poll, control);
	uv_poll_start(&poll, UV_READABLE, on_control);
	for (int i = 0; i < STREAMS; i++)
		end_open(&ends[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(4);
}

/* --- the parent ----------------------------------------------------------- */

struct worker {
	pid_t pid;
	int fd;
};

static void worker_start(struct worker *worker, const struct worker *other)
{
	static uint64_t number;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	number++;
	worker->pid = fork();
	assert_true(worker->pid >= 0);
	if (worker->pid == 0) {
		close(fds[0]);
		if (other->pid)
			close(other->fd);
		work(fds[1], number);
	}
	close(fds[1]);
	worker->fd = fds[0];
}

static void worker_kill(struct worker *worker)
{
	int status;

	kill(worker->pid, SIGKILL);
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	/* It was alive and well until now. */
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("a worker ended by itself: %#x", status);
	close(worker->fd);
	worker->pid = 0;
}

static void worker_give(struct worker *worker, const struct link_fds *fds,
			uint32_t round, bool caller, struct report *total)
{
	union {
		char data[CMSG_SPACE(LINK_FD_COUNT * sizeof(int))];
		struct cmsghdr align;
	} ancillary = {.data = {0}};
	uint32_t words[2] = {round, caller};
	struct iovec iov = {words, sizeof(words)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = ancillary.data,
				 .msg_controllen = sizeof(ancillary.data)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct pollfd ready = {.fd = worker->fd, .events = POLLIN};
	struct report report;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(LINK_FD_COUNT * sizeof(int));
	memcpy(CMSG_DATA(header), fds, sizeof(*fds));
	assert_int_equal(sendmsg(worker->fd, &message, MSG_NOSIGNAL),
			 sizeof(words));
	/* Nobody hangs, whatever has happened to the other. */
	assert_int_equal(poll(&ready, 1, 20000), 1);
	if (recv(worker->fd, &report, sizeof(report), 0) != sizeof(report))
		fail_msg("a worker ended by itself in round %u", round);
	total->octets += report.octets;
	total->ended += report.ended;
	total->failed += report.failed;
}

static void no_octet_is_lost_repeated_or_foreign(void **state)
{
	struct worker workers[2] = {{0}};
	struct report total = {0};
	unsigned int kills = 0;

	srandom(4711);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		unsigned int whom = (unsigned int)random() % 8;
		struct link_fds fds[2];

		assert_int_equal(link_pair_create(fds), 0);
		for (int i = 0; i < 2; i++)
			if (!workers[i].pid)
				worker_start(&workers[i], &workers[!i]);
		for (int i = 0; i < 2; i++) {
			worker_give(&workers[i], &fds[i], round, i == 0,
				    &total);
			link_fds_close(&fds[i]);
		}
		usleep((useconds_t)(random() % KILL_WITHIN_US));
		/* 0, 1: nobody, so the round is just cut; 7: both. */
		for (int i = 0; i < 2; i++)
			if (whom >= 2 &&
			    (whom == 7 || (whom & 1) == (unsigned int)i)) {
				worker_kill(&workers[i]);
				kills++;
			}
	}
	for (int i = 0; i < 2; i++)
		if (workers[i].pid)
			worker_kill(&workers[i]);
	print_message("%u rounds, %u kills; survivors: %llu octets, %llu "
		      "connections to their end, %llu reset\n",
		      ROUNDS, kills, (unsigned long long)total.octets,
		      (unsigned long long)total.ended,
		      (unsigned long long)total.failed);
	assert_true(total.ended > ROUNDS);
	assert_true(total.failed > ROUNDS / 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_octet_is_lost_repeated_or_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
