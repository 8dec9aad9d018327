// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xl_find.c - which xl configuration made a domain, and may it be believed.
 *
 * Believed are processes whose four uids are the owner's, and regular files
 * that the owner owns and nobody else can write.  A process's working folder
 * may be closed to us (it needs the right to trace): then only absolute paths
 * of its command line help, and the folders of xl.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_PATH */
#endif
#include "backend/daemon/xl_config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/store.h"
#include "backend/util/log.h"

enum { PIDS_MAX = 32768, PATH_SIZE = 4096 };

/* Reads up to size octets; their number or a negative errno. */
static ssize_t descriptor_read(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while (len < size && (got = read(fd, text + len, size - len)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* A file of at most size - 1 octets, ended by NUL. */
static ssize_t proc_read(int process, const char *name, char *text, size_t size)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = descriptor_read(fd, text, size - 1);
	close(fd);
	if (len >= 0)
		text[len] = '\0';
	return len;
}

/* 0: it is the owner's alone.  Else a negative errno. */
static int file_check(int fd, uid_t owner)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_uid != owner ||
	    (status.st_mode & S_IWOTH) ||
	    ((status.st_mode & S_IWGRP) && status.st_gid != 0))
		return -EPERM;
	return status.st_size > XL_CONFIG_MAX_BYTES ? -EFBIG : 0;
}

/* Parses a file of the folder at (AT_FDCWD: none).  0 or a negative errno. */
static int file_parse(int at, const char *path, uid_t owner,
		      struct xl_config *config)
{
	/* Not blocking: it may turn out to be a FIFO. */
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	unsigned int line = 0;
	ssize_t len;
	int error;

	if (fd < 0)
		return -errno;
	error = file_check(fd, owner);
	if (error)
		goto out;
	text = malloc(XL_CONFIG_MAX_BYTES);
	len = text ? descriptor_read(fd, text, XL_CONFIG_MAX_BYTES) : -ENOMEM;
	error = len < 0 ? (int)len
			: xl_config_parse(config, text, (size_t)len, &line);
out:
	if (error)
		log_debug("xl configuration %s: not read: %s (line %u)", path,
			  strerror(-error), line);
	free(text);
	close(fd);
	return error;
}

/* What is said is about the domain. */
static bool is_about(const struct xl_config *config, const char *name,
		     const char *uuid)
{
	return strcmp(config->name, name) == 0 &&
	       (!config->uuid[0] || strcasecmp(config->uuid, uuid) == 0);
}

static bool is_ours(const struct xl_config *config)
{
	return strcmp(config->usbdev, "2virt") == 0;
}

/*
 * --- processes ---
 */

static bool process_is_owners(int process, uid_t owner)
{
	unsigned int ids[4];
	char text[2048];
	const char *uids;

	if (proc_read(process, "status", text, sizeof(text)) < 0)
		return false;
	uids = strstr(text, "\nUid:");
	if (!uids || sscanf(uids, "\nUid: %u %u %u %u", &ids[0], &ids[1],
			    &ids[2], &ids[3]) != 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (ids[i] != owner)
			return false;
	return true;
}

/* The configuration that an xl process was started with. */
static bool process_config(int process, uid_t owner, struct xl_config *config)
{
	char line[8192], comm[32];
	struct xl_command command;
	ssize_t len = proc_read(process, "comm", comm, sizeof(comm));
	int folder = AT_FDCWD;
	bool got;

	if (len < 0 || strcmp(comm, "xl\n") != 0 ||
	    !process_is_owners(process, owner))
		return false;
	len = proc_read(process, "cmdline", line, sizeof(line));
	/* One that fills the buffer may have been cut. */
	if (len <= 0 || (size_t)len >= sizeof(line) - 1 ||
	    !xl_config_command(&command, line, (size_t)len))
		return false;
	if (command.file[0] != '/') {
		folder = openat(process, "cwd",
				O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			return false;
	}
	got = file_parse(folder, command.file, owner, config) == 0;
	if (folder != AT_FDCWD)
		close(folder);
	if (command.extra.name[0])
		memcpy(config->name, command.extra.name, sizeof(config->name));
	if (command.extra.uuid[0])
		memcpy(config->uuid, command.extra.uuid, sizeof(config->uuid));
	if (command.extra.usbdev[0])
		memcpy(config->usbdev, command.extra.usbdev,
		       sizeof(config->usbdev));
	return got;
}

static int compare_down(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

/* Numbers of processes, the highest first, for free(). */
static uint32_t *pids_list(DIR *proc, size_t *count)
{
	uint32_t *pids = malloc(PIDS_MAX * sizeof(*pids));
	struct dirent *entry;

	*count = 0;
	if (!pids)
		return NULL;
	while (*count < PIDS_MAX && (entry = readdir(proc)))
		if (store_parse_number(entry->d_name, INT32_MAX, &pids[*count]))
			++*count;
	qsort(pids, *count, sizeof(*pids), compare_down);
	return pids;
}

/* True: found, *config is it. */
static bool processes_find(const struct xl_config_places *places,
			   const char *name, const char *uuid,
			   struct xl_config *config)
{
	DIR *proc = opendir(places->proc);
	bool found = false;
	uint32_t *pids;
	size_t count;

	if (!proc)
		return false;
	pids = pids_list(proc, &count);
	for (size_t i = 0; pids && i < count && !found; i++) {
		char text[12];
		int process;

		snprintf(text, sizeof(text), "%u", pids[i]);
		process = openat(dirfd(proc), text,
				 O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		memset(config, 0, sizeof(*config));
		found = process_config(process, places->owner, config) &&
			is_about(config, name, uuid);
		close(process);
	}
	free(pids);
	closedir(proc);
	return found;
}

/*
 * --- folders ---
 */

static bool folders_find(const struct xl_config_places *places,
			 const char *name, const char *uuid,
			 struct xl_config *config)
{
	static const char *const forms[] = {"%s/%s", "%s/%s.cfg", "%s/auto/%s",
					    "%s/auto/%s.cfg"};
	char path[PATH_SIZE];

	if (name[0] == '.' || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int len = snprintf(path, sizeof(path), forms[i], places->folder,
				   name);

		if (len < 0 || (size_t)len >= sizeof(path))
			return false;
		memset(config, 0, sizeof(*config));
		if (file_parse(AT_FDCWD, path, places->owner, config) == 0 &&
		    is_about(config, name, uuid))
			return true;
	}
	return false;
}

bool xl_config_wants(const struct xl_config_places *places, const char *name,
		     const char *uuid)
{
	struct xl_config config;

	if (!name[0])
		return false;
	return (processes_find(places, name, uuid, &config) ||
		folders_find(places, name, uuid, &config)) &&
	       is_ours(&config);
}
