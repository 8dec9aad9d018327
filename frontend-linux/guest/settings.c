// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * settings.c - what can be configured, from guest.conf and the command line.
 */
#include "settings.h"

#include "forward.h"
#include "log.h"

#include <errno.h>
#include <grp.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_GROUP "2virt"

void settings_init(struct settings *settings)
{
	const struct group *group = getgrnam(DEFAULT_GROUP);

	*settings = (struct settings){
		.runtime_dir = "/run/2virt",
		.access = {.mode = 0660,
			   .group = group ? group->gr_gid : (gid_t)-1},
		.web_name = "default",
	};
}

static int copy(char *field, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return -EINVAL;
	strcpy(field, value);
	return 0;
}

static int set_mode(struct settings *settings, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (end == value || *end || mode > 0777)
		return -EINVAL;
	settings->access.mode = (mode_t)mode;
	return 0;
}

static int set_group(struct settings *settings, const char *value)
{
	const struct group *group = getgrnam(value);
	unsigned long id;
	char *end;

	if (group) {
		settings->access.group = group->gr_gid;
		return 0;
	}
	id = strtoul(value, &end, 10);
	if (end == value || *end || id >= (gid_t)-1)
		return -EINVAL;
	settings->access.group = (gid_t)id;
	return 0;
}

static int set_web_name(struct settings *settings, const char *value)
{
	char text[4 + NAME_MAX_LEN];
	struct function_name name;
	int len = snprintf(text, sizeof(text), "web:%s", value);

	if (len >= (int)sizeof(text) || name_parse(&name, text, (size_t)len))
		return -EINVAL;
	strcpy(settings->web_name, name.name);
	return 0;
}

static int set_forward(struct settings *settings, const char *section,
		       const char *value)
{
	struct forward_setting *forward = settings->forwards;
	struct forward_setting *end = forward + settings->forward_count;
	struct function_name name;

	if (name_parse(&name, section, strlen(section)) ||
	    strlen(value) >= sizeof(forward->target) || forward_check(value))
		return -EINVAL;
	while (forward < end && strcmp(forward->link, name.name) != 0)
		forward++;
	if (forward == settings->forwards + SETTINGS_FORWARDS)
		return -EINVAL;
	if (forward == end)
		settings->forward_count++;
	strcpy(forward->link, name.name);
	strcpy(forward->target, value);
	return 0;
}

const char *settings_forward(const struct settings *settings,
			     const struct function_name *name)
{
	if (strcmp(name->type, "p2p") != 0)
		return NULL;
	for (unsigned int i = 0; i < settings->forward_count; i++)
		if (strcmp(settings->forwards[i].link, name->name) == 0)
			return settings->forwards[i].target;
	return NULL;
}

int settings_set(struct settings *settings, const char *section,
		 const char *key, const char *value, const char **why)
{
	if (strcmp(section, "socket") == 0 && strcmp(key, "dir") == 0) {
		*why = "the folder must be an absolute path of at most 63 "
		       "octets";
		return value[0] == '/'
			       ? copy(settings->runtime_dir,
				      sizeof(settings->runtime_dir), value)
			       : -EINVAL;
	}
	if (strcmp(section, "socket") == 0 && strcmp(key, "mode") == 0) {
		*why = "the mode must be octal, as 0660";
		return set_mode(settings, value);
	}
	if (strcmp(section, "socket") == 0 && strcmp(key, "group") == 0) {
		*why = "there is no such group";
		return set_group(settings, value);
	}
	if (strcmp(section, "web") == 0 && strcmp(key, "listen") == 0) {
		*why = "the address must be a loopback one with a port, as "
		       "127.0.0.1:8080 or [::1]:8080";
		if (value[0] && listener_address_check(value))
			return -EINVAL;
		return copy(settings->web_listen, sizeof(settings->web_listen),
			    value);
	}
	if (strcmp(section, "web") == 0 && strcmp(key, "name") == 0) {
		*why = "that is no name of a function";
		return set_web_name(settings, value);
	}
	if (strncmp(section, "p2p:", 4) == 0 && strcmp(key, "forward") == 0) {
		*why = "a link's service is unix:/PATH, tcp:127.0.0.1:PORT or "
		       "tcp:[::1]:PORT, of at most 16 links";
		return set_forward(settings, section, value);
	}
	*why = "there is no such setting";
	return -EINVAL;
}

struct reader {
	struct settings *settings;
	const char *why;
	char what[80]; /* section and key of the first error */
};

/* 1: go on; 0: inih notes the line of the first one. */
static int line_cb(void *context, const char *section, const char *key,
		   const char *value)
{
	struct reader *reader = context;
	const char *why;

	if (settings_set(reader->settings, section, key, value, &why) == 0)
		return 1;
	if (!reader->why) {
		reader->why = why;
		snprintf(reader->what, sizeof(reader->what), "[%s] %s", section,
			 key);
	}
	return 0;
}

int settings_read(struct settings *settings, const char *path)
{
	struct reader reader = {.settings = settings};
	int line = ini_parse(path, line_cb, &reader);

	if (line < 0)
		return -ENOENT;
	if (line == 0)
		return 0;
	if (reader.why)
		log_error("%s:%d: %s: %s", path, line, reader.what, reader.why);
	else
		log_error("%s:%d: this is no \"key = value\"", path, line);
	return -EINVAL;
}
