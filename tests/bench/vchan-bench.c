// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vchan-bench.c - libxenvchan between two domains: what our figures are
 * compared with, in the same boot.
 *
 *   vchan-bench server DOMID PATH    serves one client, then ends
 *   vchan-bench client DOMID PATH    prints ping-pong and stream
 *
 * Rings of 256 KiB in both directions. A request is one header: operation,
 * count, octets of each message.
 */
#include <libxenvchan.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, RING = 256 * 1024, BLOCK = 1 << 20, STREAM_BLOCKS = 16 };
enum { PING_COUNT = 500 };

struct header {
	char operation; /* 'p' ping-pong, 'w' client writes, 'r' client reads */
	char pad[3];
	uint32_t count;
	uint32_t size;
};

static char block[BLOCK];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static int read_all(struct libxenvchan *vchan, size_t len)
{
	for (size_t at = 0; at < len;) {
		int n = libxenvchan_read(vchan, block + at, len - at);

		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

static int write_all(struct libxenvchan *vchan, size_t len)
{
	for (size_t at = 0; at < len;) {
		int n = libxenvchan_write(vchan, block + at, len - at);

		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

static int serve_one(struct libxenvchan *vchan, const struct header *header)
{
	for (uint32_t i = 0; i < header->count; i++) {
		if (header->operation != 'r' && !read_all(vchan, header->size))
			return 0;
		if (header->operation != 'w' && !write_all(vchan, header->size))
			return 0;
	}
	/* The writer must know when everything has arrived. */
	return header->operation != 'w' || write_all(vchan, 1);
}

static int serve(int domid, const char *path)
{
	struct libxenvchan *vchan =
		libxenvchan_server_init(NULL, domid, path, RING, RING);
	struct header header;

	if (!vchan) {
		perror("vchan-bench: server");
		return 1;
	}
	vchan->blocking = 1;
	while (libxenvchan_recv(vchan, &header, sizeof(header)) ==
		       sizeof(header) &&
	       header.size <= BLOCK && serve_one(vchan, &header))
		continue;
	libxenvchan_close(vchan);
	return 0;
}

static double run(struct libxenvchan *vchan, char operation, uint32_t count,
		  uint32_t size)
{
	struct header header = {
		.operation = operation, .count = count, .size = size};
	double start = now();

	libxenvchan_send(vchan, &header, sizeof(header));
	for (uint32_t i = 0; i < count; i++) {
		if (operation != 'r')
			write_all(vchan, size);
		if (operation != 'w')
			read_all(vchan, size);
	}
	if (operation == 'w')
		read_all(vchan, 1);
	return now() - start;
}

static int measure(int domid, const char *path)
{
	struct libxenvchan *vchan = libxenvchan_client_init(NULL, domid, path);
	double values[ROUNDS];

	if (!vchan) {
		perror("vchan-bench: client");
		return 1;
	}
	vchan->blocking = 1;
	for (int i = 0; i < ROUNDS; i++)
		values[i] = run(vchan, 'p', PING_COUNT, 64) / PING_COUNT * 1e6;
	printf("vchan-ping-pong\t%.1f\tus\n", median(values));
	for (int i = 0; i < ROUNDS; i++)
		values[i] =
			STREAM_BLOCKS / run(vchan, 'r', STREAM_BLOCKS, BLOCK);
	printf("vchan-stream-in\t%.2f\tMiB/s\n", median(values));
	for (int i = 0; i < ROUNDS; i++)
		values[i] =
			STREAM_BLOCKS / run(vchan, 'w', STREAM_BLOCKS, BLOCK);
	printf("vchan-stream-out\t%.2f\tMiB/s\n", median(values));
	libxenvchan_close(vchan);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "server"))
		return serve(atoi(argv[2]), argv[3]);
	if (argc == 4 && !strcmp(argv[1], "client"))
		return measure(atoi(argv[2]), argv[3]);
	fprintf(stderr, "usage: vchan-bench server|client DOMID PATH\n");
	return 2;
}
