// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stdio.c - descriptors 0, 1 and 2 are open, whoever started us.
 */
#include "backend/util/stdio.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void stdio_ensure(void)
{
	/* Ascending: the lowest number that is free is the one we look at. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_FAILURE);
}
