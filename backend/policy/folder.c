// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * folder.c - the files of a folder, each in its last good version.
 *
 * Read, compared with the text in force, parsed only if it differs.  A file
 * that cannot be read is broken, not gone: its version stays.  A file is gone
 * only when the folder was read and does not name it.
 */
#include "backend/policy/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_init(struct folder *folder, const struct folder_kind *kind,
		const char *path, const char *keep)
{
	memset(folder, 0, sizeof(*folder));
	folder->kind = kind;
	if (path && !(folder->path = strdup(path)))
		return -ENOMEM;
	if (keep && !(folder->keep = strdup(keep)))
		return -ENOMEM;
	return 0;
}

static void file_fini(const struct folder *folder, struct folder_file *file)
{
	folder->kind->free(file->content);
	free(file->name);
	free(file->text);
}

void folder_fini(struct folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		file_fini(folder, &folder->files[i]);
	free(folder->files);
	free(folder->path);
	free(folder->keep);
	memset(folder, 0, sizeof(*folder));
}

/* The file of this name, made in its place if it is not there. */
static struct folder_file *file_get(struct folder *folder, const char *name)
{
	struct folder_file *grown;
	char *copied;
	size_t at = 0;

	while (at < folder->count && strcmp(folder->files[at].name, name) < 0)
		at++;
	if (at < folder->count && strcmp(folder->files[at].name, name) == 0)
		return &folder->files[at];
	copied = strdup(name);
	grown = reallocarray(folder->files, folder->count + 1, sizeof(*grown));
	if (grown)
		folder->files = grown;
	if (!grown || !copied) {
		free(copied);
		return NULL;
	}
	memmove(grown + at + 1, grown + at,
		(folder->count - at) * sizeof(*grown));
	folder->count++;
	memset(&grown[at], 0, sizeof(*grown));
	grown[at].name = copied;
	return &grown[at];
}

static void file_remove(struct folder *folder, size_t index)
{
	file_fini(folder, &folder->files[index]);
	folder->count--;
	memmove(folder->files + index, folder->files + index + 1,
		(folder->count - index) * sizeof(*folder->files));
}

/*
 * --- reading ---
 */

static int broken(struct policy_error *error, const char *expected,
		  const char *found)
{
	return policy_error_set(error, 0, 0, expected, found, strlen(found));
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
	size_t used = 0;

	for (;;) {
		ssize_t got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		used += (size_t)got;
		if (got == 0 || used == size)
			break;
	}
	*len = used;
	return 0;
}

/*
 * The text of a file, for free().  0, -EINVAL with an error, -ENOENT (gone),
 * -ENOMEM.
 */
static int text_read(const char *folder, const char *name, char **text,
		     size_t *len, struct policy_error *error)
{
	char path[PATH_MAX], *read_text, *shrunk;
	struct stat status;
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
	    (int)sizeof(path))
		return broken(error, "a shorter path", "");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : broken(error, "a file that can be opened",
					strerror(errno));
	rc = -ENOMEM;
	read_text = malloc(FOLDER_FILE_MAX_BYTES + 1);
	if (!read_text)
		goto err_close;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		rc = broken(error, "a regular file", "");
	else if (status.st_mode & S_IWOTH)
		rc = broken(error, "a file that not everybody can write", "");
	else
		rc = read_all(fd, read_text, FOLDER_FILE_MAX_BYTES + 1, len);
	if (!rc && *len > FOLDER_FILE_MAX_BYTES)
		rc = broken(error, "a file of at most 1 MiB", "");
	else if (rc < 0 && rc != -EINVAL)
		rc = broken(error, "a file that can be read", strerror(-rc));
	if (rc)
		goto err_close;
	close(fd);
	shrunk = realloc(read_text, *len + 1);
	*text = shrunk ? shrunk : read_text;
	return 0;

err_close:
	free(read_text);
	close(fd);
	return rc;
}

/*
 * --- copies ---
 */

/* A copy that cannot be written is only missed after a restart. */
static void copy_write(const struct folder *folder, const char *name,
		       const char *text, size_t len)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	bool done;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder->keep, name) >=
	    (int)sizeof(path))
		return;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return;
	done = write(fd, text, len) == (ssize_t)len;
	if (close(fd) < 0 || !done || rename(fresh, path) < 0)
		unlink(fresh);
}

static void copy_remove(const struct folder *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder->keep, name) <
	    (int)sizeof(path))
		unlink(path);
}

/*
 * --- versions ---
 */

/* Takes over text.  0 or as parse(), then nothing changed. */
static int file_accept(struct folder *folder, struct folder_file *file,
		       char *text, size_t len, struct policy_error *error)
{
	void *content;
	int rc = folder->kind->parse(text, len, &content, error);

	if (rc) {
		free(text);
		return rc;
	}
	folder->kind->free(file->content);
	free(file->text);
	file->content = content;
	file->text = text;
	file->len = len;
	file->version++;
	file->kept = false;
	return 0;
}

/* A broken file without any good version: as it was before the restart. */
static int file_restore(struct folder *folder, struct folder_file *file,
			bool *changed)
{
	struct policy_error ignored;
	size_t len = 0;
	char *text;
	int rc = text_read(folder->keep, file->name, &text, &len, &ignored);

	if (!rc)
		rc = file_accept(folder, file, text, len, &ignored);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	file->kept = true;
	*changed = true;
	return 0;
}

/* 0 or -ENOMEM. */
static int file_reload(struct folder *folder, struct folder_file *file,
		       bool *changed)
{
	size_t len = 0;
	char *text;
	int rc = text_read(folder->path, file->name, &text, &len, &file->error);

	if (rc == -ENOENT) {
		file->seen = false;
		return 0;
	}
	if (!rc && file->content && file->len == len &&
	    memcmp(file->text, text, len) == 0) {
		free(text);
	} else if (!rc) {
		rc = file_accept(folder, file, text, len, &file->error);
		if (!rc)
			*changed = true;
		if (!rc && folder->keep)
			copy_write(folder, file->name, file->text, file->len);
	}
	if (rc == -ENOMEM)
		return rc;
	file->broken = rc != 0;
	if (!rc)
		file->kept = false;
	if (rc && !file->content && folder->keep)
		return file_restore(folder, file, changed);
	return 0;
}

/*
 * --- the folder ---
 */

static bool name_fits(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return name[0] != '.' && len > tail &&
	       strcmp(name + len - tail, suffix) == 0;
}

/* Marks as seen what the folder holds.  0 or a negative errno. */
static int names_read(struct folder *folder)
{
	struct folder_file *file;
	struct dirent *entry;
	int rc = 0;
	DIR *dir = opendir(folder->path);

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (!name_fits(entry->d_name, folder->kind->suffix))
			continue;
		rc = folder->count < FOLDER_MAX_FILES ? 0 : -E2BIG;
		file = rc ? NULL : file_get(folder, entry->d_name);
		if (!file) {
			rc = rc ? rc : -ENOMEM;
			break;
		}
		file->seen = true;
	}
	if (!entry && errno)
		rc = -errno;
	closedir(dir);
	return rc;
}

/* Copies of files that are gone must not come back one day. */
static void copies_sweep(struct folder *folder)
{
	struct dirent *entry;
	DIR *dir = opendir(folder->keep);
	size_t i;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!name_fits(entry->d_name, folder->kind->suffix))
			continue;
		for (i = 0; i < folder->count; i++)
			if (strcmp(folder->files[i].name, entry->d_name) == 0)
				break;
		if (i == folder->count)
			copy_remove(folder, entry->d_name);
	}
	closedir(dir);
}

int folder_reload(struct folder *folder, bool *changed)
{
	int rc, failed = 0;

	if (!folder->path)
		return 0;
	if (folder->keep && mkdir(folder->keep, 0700) < 0 && errno != EEXIST)
		return -errno;
	for (size_t i = 0; i < folder->count; i++)
		folder->files[i].seen = false;
	rc = names_read(folder);
	if (rc)
		return rc;
	for (size_t i = 0; i < folder->count; i++) {
		struct folder_file *file = &folder->files[i];

		rc = file->seen ? file_reload(folder, file, changed) : 0;
		if (rc)
			return rc;
		failed += file->seen && file->broken;
	}
	for (size_t i = folder->count; i-- > 0;) {
		if (folder->files[i].seen)
			continue;
		*changed |= folder->files[i].content != NULL;
		file_remove(folder, i);
	}
	if (folder->keep)
		copies_sweep(folder);
	return failed;
}

int folder_put(struct folder *folder, const char *name, const char *text,
	       size_t len, bool *changed, struct policy_error *error)
{
	struct folder_file *file = file_get(folder, name);
	char *copied = malloc(len + 1);
	int rc;

	if (!file || !copied) {
		free(copied);
		return -ENOMEM;
	}
	memcpy(copied, text, len);
	copied[len] = '\0';
	rc = file_accept(folder, file, copied, len, error);
	if (rc == -ENOMEM)
		return rc;
	file->broken = rc != 0;
	if (rc)
		file->error = *error;
	else
		*changed = true;
	return rc;
}
