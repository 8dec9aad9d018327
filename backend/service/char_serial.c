// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * char_serial.c - a target that is a serial device.
 *
 * One connection at a time: octets of two guests must not mix.  The line is
 * raw (8 bits, no echo, no flow control by characters), and what it holds of
 * the connection before is thrown away.
 */
#include "backend/service/char.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct serial_target {
	struct char_target target;
	char *path;
	unsigned int baud;
	bool in_use;
};

static const struct {
	unsigned int baud;
	speed_t speed;
} speeds[] = {
	{1200, B1200},	   {2400, B2400},     {4800, B4800},
	{9600, B9600},	   {19200, B19200},   {38400, B38400},
	{57600, B57600},   {115200, B115200}, {230400, B230400},
	{460800, B460800}, {921600, B921600},
};

/* False: not a speed we know. */
static bool set_speed(struct termios *line, unsigned int baud)
{
	if (!baud)
		return true;
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud)
			return cfsetspeed(line, speeds[i].speed) == 0;
	return false;
}

static int open_line(const struct serial_target *serial)
{
	int fd = open(serial->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios line;

	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &line) < 0)
		goto err_close;
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL | CREAD;
	if (!set_speed(&line, serial->baud) ||
	    tcsetattr(fd, TCSANOW, &line) < 0)
		goto err_close;
	tcflush(fd, TCIOFLUSH);
	return fd;
err_close:
	close(fd);
	return -1;
}

static void serial_open(struct char_target *target, struct char_stream *stream,
			void **connection)
{
	struct serial_target *serial = (struct serial_target *)target;
	int fd;

	if (serial->in_use) {
		char_stream_fail(stream, CHAR_LIMIT);
		return;
	}
	fd = open_line(serial);
	if (fd < 0) {
		char_stream_fail(stream, CHAR_UNREACHABLE);
		return;
	}
	serial->in_use = true;
	*connection = serial;
	char_stream_give(stream, fd);
}

static void serial_close(struct char_target *target, void *connection)
{
	if (connection)
		((struct serial_target *)target)->in_use = false;
}

static void serial_destroy(struct char_target *target)
{
	struct serial_target *serial = (struct serial_target *)target;

	free(serial->path);
	free(serial);
}

static const struct char_target_ops serial_ops = {
	.open = serial_open,
	.close = serial_close,
	.destroy = serial_destroy,
};

struct char_target *char_target_serial(uv_loop_t *loop, const char *path,
				       unsigned int baud)
{
	struct serial_target *serial = calloc(1, sizeof(*serial));

	if (!serial)
		return NULL;
	serial->target.ops = &serial_ops;
	serial->target.loop = loop;
	serial->baud = baud;
	serial->path = strdup(path);
	if (serial->path)
		return &serial->target;
	free(serial);
	return NULL;
}
