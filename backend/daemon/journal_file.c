// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal_file.c - where the journals of rings live.
 */
#include "backend/daemon/journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/xen/journal.h"

static void name_make(char *name, size_t size, const struct domain_id *domain,
		      uint32_t devid)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];

	domain_uuid_text(domain->uuid, uuid);
	snprintf(name, size, "%u-%u-%s.journal", domain->domid, devid, uuid);
}

static void path_make(char path[PATH_MAX], const char *folder,
		      const struct domain_id *domain, uint32_t devid)
{
	char name[96];

	name_make(name, sizeof(name), domain, devid);
	snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

int journal_file_open(const char *folder, const struct domain_id *domain,
		      uint32_t devid, bool fresh)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	char path[PATH_MAX];
	int fd, error;

	path_make(path, folder, domain, devid);
	if (fresh) {
		unlink(path);
		flags |= O_CREAT | O_EXCL;
	}
	fd = open(path, flags, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return error;
	}
	return fd;
}

int journal_file_check(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size != JOURNAL_SIZE && ftruncate(fd, JOURNAL_SIZE) < 0)
		return -errno;
	return 0;
}

void journal_file_remove(const char *folder, const struct domain_id *domain,
			 uint32_t devid)
{
	char path[PATH_MAX];

	path_make(path, folder, domain, devid);
	unlink(path);
}

/* True if the file is the journal of a domain that lives. */
static bool name_is_alive(const char *name, const struct domain_list *alive)
{
	const struct domain_id *id;
	unsigned int domid, devid;
	char expected[96];

	if (sscanf(name, "%u-%u-", &domid, &devid) != 2)
		return false;
	id = domain_list_find(alive, domid);
	if (!id)
		return false;
	name_make(expected, sizeof(expected), id, devid);
	return strcmp(name, expected) == 0;
}

void journal_file_sweep(const char *folder, const struct domain_list *alive)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		size_t len = strlen(entry->d_name);

		if (len > 8 &&
		    strcmp(entry->d_name + len - 8, ".journal") == 0 &&
		    !name_is_alive(entry->d_name, alive))
			unlinkat(dirfd(directory), entry->d_name, 0);
	}
	closedir(directory);
}
