/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command in a guest through its console, from dom0.
 *
 *   guest-run TTY LOG up TIMEOUT_S [OFFSET]
 *   guest-run TTY LOG run TIMEOUT_S COMMAND
 *
 * TTY is the guest console's pseudo terminal (what is written there reaches the
 * guest), LOG the file in which xenconsoled keeps all that the guest prints.
 * "up" waits until the guest's agent has said that it is ready, "run" prints
 * the command's output and ends with its exit status; 124 means that there was
 * no answer in time, 125 that the channel itself failed.
 *
 * Theory of operation: the other side is tests/xen/guest/agent. Lines to the
 * guest, with a base64 command and its length as a check:
 *
 *   !ID TIMEOUT LENGTH BASE64    run this; a repeated ID is only acknowledged
 *   ?ID                          send the result (again)
 *
 * Lines from the guest:
 *
 *   @UP ...                      the agent is ready
 *   @ACK ID                      command received
 *   @RES ID STATUS CRC BYTES     result: base64 lines follow, then
 *   @END ID
 *
 * The kernel may print in the middle of any line, sixteen bytes at a time, so a
 * result counts only when its length and POSIX cksum fit, else it is asked for
 * again; a command that is not acknowledged is sent again. Commands run side by
 * side in the guest, so several guest-run may be at work at once. The log is
 * read from where it ended when we started. We poll it: a process in a PV dom0
 * under emulation costs so much that a shell loop here would disturb the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	POLL_MS = 30,
	RESEND_MS = 3000,
	EXIT_TIMEOUT = 124,
	EXIT_CHANNEL = 125,
};

/* What has been read of the log since the start; grows, NUL terminated. */
struct text {
	char *data;
	size_t used;
	size_t size;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "guest-run: %s: %s\n", what, strerror(errno));
	exit(EXIT_CHANNEL);
}

static void text_fill(struct text *text, int fd)
{
	for (;;) {
		ssize_t n;

		if (text->size - text->used < 65536) {
			text->size = text->size ? text->size * 2 : 262144;
			text->data = realloc(text->data, text->size);
			if (!text->data)
				die("memory");
		}
		n = read(fd, text->data + text->used,
			 text->size - text->used - 1);
		if (n < 0)
			die("log");
		for (char *p = text->data + text->used, *end = p + n; p < end;
		     p++)
			if (*p == 0)
				*p = '?';
		text->used += n;
		text->data[text->used] = 0;
		if (n == 0)
			return;
	}
}

static void tty_send(const char *path, const char *line)
{
	size_t left = strlen(line);
	int fd = open(path, O_WRONLY | O_NOCTTY);

	if (fd < 0)
		die(path);
	while (left > 0) {
		ssize_t n = write(fd, line, left);

		if (n < 0 && errno != EINTR)
			die(path);
		if (n > 0) {
			line += n;
			left -= n;
		}
	}
	close(fd);
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_encode(const char *in)
{
	size_t len = strlen(in), o = 0;
	char *out = malloc(len / 3 * 4 + 5);

	if (!out)
		die("memory");
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)(unsigned char)in[i] << 16;

		if (left > 1)
			v |= (uint32_t)(unsigned char)in[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)in[i + 2];
		out[o++] = base64_digits[v >> 18];
		out[o++] = base64_digits[v >> 12 & 63];
		out[o++] = left > 1 ? base64_digits[v >> 6 & 63] : '=';
		out[o++] = left > 2 ? base64_digits[v & 63] : '=';
	}
	out[o] = 0;
	return out;
}

/* Decodes up to end, leaving out what is no digit. The length is the result. */
static size_t base64_decode(const char *in, const char *end, unsigned char *out)
{
	uint32_t bits = 0;
	size_t o = 0;
	int n = 0;

	for (; in < end && *in != '='; in++) {
		const char *digit = *in ? strchr(base64_digits, *in) : NULL;

		if (!digit)
			continue;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		if (++n == 4) {
			out[o++] = bits >> 16;
			out[o++] = bits >> 8;
			out[o++] = bits;
			n = 0;
		}
	}
	if (n == 3) {
		out[o++] = bits >> 10;
		out[o++] = bits >> 2;
	} else if (n == 2) {
		out[o++] = bits >> 4;
	}
	return o;
}

/* The checksum of POSIX cksum: CRC-32, most significant bit first, with length.
 */
static uint32_t cksum_byte(uint32_t crc, unsigned char byte)
{
	crc ^= (uint32_t)byte << 24;
	for (int i = 0; i < 8; i++)
		crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
	return crc;
}

static uint32_t cksum(const unsigned char *data, size_t len)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < len; i++)
		crc = cksum_byte(crc, data[i]);
	for (; len > 0; len >>= 8)
		crc = cksum_byte(crc, len & 0xff);
	return ~crc;
}

enum result { RESULT_NONE, RESULT_BROKEN, RESULT_GOOD };

/*
 * Looks for the result of id from *pos on. A complete but damaged one moves
 * *pos behind it; a good one is printed and its status stored.
 */
static enum result result_take(const struct text *text, const char *id,
			       size_t *pos, int *status)
{
	char mark[64];
	const char *begin, *body, *end;
	unsigned char *out;
	unsigned int crc;
	size_t len, want;

	snprintf(mark, sizeof(mark), "@END %s", id);
	end = strstr(text->data + *pos, mark);
	if (!end)
		return RESULT_NONE;
	snprintf(mark, sizeof(mark), "@RES %s ", id);
	begin = strstr(text->data + *pos, mark);
	*pos = end - text->data + 1;
	if (!begin || begin > end)
		return RESULT_BROKEN;
	body = strchr(begin, '\n');
	if (!body || body > end ||
	    sscanf(begin + strlen(mark), "%d %u %zu", status, &crc, &want) != 3)
		return RESULT_BROKEN;
	out = malloc(end - body + 4);
	if (!out)
		die("memory");
	len = base64_decode(body, end, out);
	if (len != want || cksum(out, len) != crc) {
		free(out);
		return RESULT_BROKEN;
	}
	fwrite(out, 1, len, stdout);
	fflush(stdout);
	free(out);
	return RESULT_GOOD;
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = POLL_MS * 1000000L};

	nanosleep(&t, NULL);
}

static int wait_up(int log, int64_t deadline_ms)
{
	struct text text = {0};

	while (now_ms() < deadline_ms) {
		text_fill(&text, log);
		if (strstr(text.data, "@UP "))
			return 0;
		nap();
	}
	return EXIT_TIMEOUT;
}

static int run(const char *tty, int log, const char *timeout,
	       int64_t deadline_ms, const char *command)
{
	struct text text = {0};
	char id[32], ack[48], again[48], *encoded = base64_encode(command),
					 *line;
	int64_t resend_ms = 0;
	size_t pos = 0;
	int status;

	snprintf(id, sizeof(id), "%x.%x", (unsigned int)getpid(),
		 (unsigned int)(now_ms() & 0xffffffff));
	snprintf(ack, sizeof(ack), "@ACK %s", id);
	snprintf(again, sizeof(again), "\n?%s\n", id);
	line = malloc(strlen(encoded) + 128);
	if (!line)
		die("memory");
	sprintf(line, "\n!%s %s %zu %s\n", id, timeout, strlen(encoded),
		encoded);

	while (now_ms() < deadline_ms) {
		text_fill(&text, log);
		switch (result_take(&text, id, &pos, &status)) {
		case RESULT_GOOD:
			return status;
		case RESULT_BROKEN:
			tty_send(tty, again);
			resend_ms = INT64_MAX;
			break;
		case RESULT_NONE:
			break;
		}
		if (resend_ms != INT64_MAX) {
			if (strstr(text.data, ack)) {
				resend_ms = INT64_MAX;
			} else if (now_ms() >= resend_ms) {
				tty_send(tty, line);
				resend_ms = now_ms() + RESEND_MS;
			}
		}
		nap();
	}
	fprintf(stderr, "guest-run: no answer within %s s to: %s\n", timeout,
		command);
	return EXIT_TIMEOUT;
}

int main(int argc, char **argv)
{
	int64_t deadline_ms;
	struct stat st;
	int log;

	if (argc < 5) {
		fprintf(stderr,
			"usage: guest-run TTY LOG up|run TIMEOUT_S ...\n");
		return EXIT_CHANNEL;
	}
	deadline_ms = now_ms() + atoi(argv[4]) * 1000L;
	do {
		log = open(argv[2], O_RDONLY);
		if (log < 0)
			nap();
	} while (log < 0 && now_ms() < deadline_ms);
	if (log < 0 || fstat(log, &st) < 0)
		die(argv[2]);

	if (strcmp(argv[3], "up") == 0) {
		if (lseek(log, argc > 5 ? atol(argv[5]) : 0, SEEK_SET) < 0)
			die(argv[2]);
		return wait_up(log, deadline_ms);
	}
	if (strcmp(argv[3], "run") == 0 && argc == 6) {
		if (lseek(log, st.st_size, SEEK_SET) < 0)
			die(argv[2]);
		/* The guest ends the command by itself at its timeout; wait a
		 * little longer. */
		return run(argv[1], log, argv[4], deadline_ms + 5000, argv[5]);
	}
	fprintf(stderr, "guest-run: wrong arguments\n");
	return EXIT_CHANNEL;
}
