// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server.c - the socket: its file, who may come, how many.
 *
 * The kernel keeps others out by the socket's mode (0660, root and the group);
 * what a peer may do is decided by SO_PEERCRED.  Members of the group share
 * some of the places only, so that root always finds one.
 */
#include "backend/manage/server.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_MS = 5000, IDLE_MS = 60000, WRITE_MS = 10000, GROUPS_MAX = 256 };

/* A socket that somebody listens at is not ours to take away. */
static int stale_remove(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, error = 0;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 ||
	    errno == EAGAIN)
		error = -EADDRINUSE;
	close(fd);
	if (!error && unlink(address->sun_path) < 0 && errno != ENOENT)
		error = -errno;
	return error;
}

/* The group is set by making the file as a member of it: that needs no right
 * to give files away. */
static int bind_as(int fd, const struct sockaddr_un *address, bool has_group,
		   gid_t group)
{
	gid_t self = getegid();
	mode_t mask = umask(has_group ? 0117 : 0177);
	bool changed = has_group && group != self && setegid(group) == 0;
	int error = 0;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		error = -errno;
	umask(mask);
	if (changed && setegid(self) < 0)
		error = -errno;
	return error;
}

static int socket_make(const struct manage *manage)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(manage->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, manage->path);
	error = stale_remove(&address);
	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_as(fd, &address, manage->has_group, manage->group);
	if (!error)
		return fd;
	close(fd);
	return error;
}

/*
 * --- who comes ---
 */

static bool in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* False: nobody who may come. */
static bool peer_get(const struct manage *manage, uv_stream_t *stream,
		     struct manage_peer *peer)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	int fd;

	if (uv_fileno((uv_handle_t *)stream, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return false;
	*peer = (struct manage_peer){
		.uid = credentials.uid,
		.gid = credentials.gid,
		.pid = credentials.pid,
		.may_change =
			credentials.uid == 0 || credentials.uid == geteuid(),
	};
	return peer->may_change ||
	       (manage->has_group && (credentials.gid == manage->group ||
				      in_group(fd, manage->group)));
}

/* The newcomer is in the list already, with no uid yet. */
static bool place_free(const struct manage *manage,
		       const struct manage_peer *peer)
{
	unsigned int all = 0, readers = 0, same = 0;
	struct list_node *pos;

	list_for_each(pos, &manage->connections)
	{
		uid_t uid = connection_uid(connection_of(pos));

		all++;
		readers += uid != 0 && uid != geteuid();
		same += uid == peer->uid;
	}
	if (peer->may_change)
		return all <= SERVER_MAX;
	return readers <= SERVER_MAX_READERS && same < SERVER_MAX_UID;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct manage *manage = listener->data;
	struct connection *connection;
	struct manage_peer peer;

	if (status < 0 || manage->stopping)
		return;
	connection = connection_create(manage);
	if (!connection)
		return;
	manage->totals.connections++;
	manage->totals.open++;
	if (uv_accept(listener, connection_stream(connection)) ||
	    !peer_get(manage, connection_stream(connection), &peer) ||
	    /* A flood is not even told. */
	    manage->totals.open >
		    (peer.may_change ? SERVER_FLOOD_ROOT : SERVER_FLOOD)) {
		manage->totals.refused++;
		connection_close(connection);
		return;
	}
	connection_start(connection, &peer, !place_free(manage, &peer));
}

/*
 * --- life ---
 */

static void on_handle_closed(uv_handle_t *handle)
{
	struct manage *manage = handle->data;

	manage->open_handles--;
	server_forget(manage);
}

static void manage_free(struct manage *manage)
{
	tail_fini(&manage->tail);
	free(manage->path);
	free(manage);
}

void server_forget(struct manage *manage)
{
	if (manage->stopping && !manage->open_handles &&
	    list_empty(&manage->connections))
		manage_free(manage);
}

static void group_find(struct manage *manage)
{
	const char *name = manage->config.group;
	struct group *group = name ? getgrnam(name) : NULL;

	manage->has_group = group != NULL;
	manage->group = group ? group->gr_gid : 0;
	manage->config.group = NULL;
}

static void defaults(struct manage_config *config)
{
	config->head_ms = config->head_ms ? config->head_ms : HEAD_MS;
	config->idle_ms = config->idle_ms ? config->idle_ms : IDLE_MS;
	config->write_ms = config->write_ms ? config->write_ms : WRITE_MS;
}

int manage_start(const struct manage_config *config, struct manage **result)
{
	struct manage *manage = calloc(1, sizeof(*manage));
	int fd, error;

	if (!manage)
		return -ENOMEM;
	manage->config = *config;
	defaults(&manage->config);
	list_init(&manage->connections);
	list_init(&manage->turns);
	manage->path = strdup(config->path);
	if (!manage->path) {
		manage_free(manage);
		return -ENOMEM;
	}
	group_find(manage);
	fd = socket_make(manage);
	if (fd < 0) {
		manage_free(manage);
		return fd;
	}
	uv_pipe_init(config->loop, &manage->listener, 0);
	uv_timer_init(config->loop, &manage->turn);
	manage->listener.data = manage;
	manage->turn.data = manage;
	manage->open_handles = 2;
	error = uv_pipe_open(&manage->listener, fd);
	if (error)
		close(fd);
	else
		error = uv_listen((uv_stream_t *)&manage->listener, 128,
				  on_connection);
	if (error) {
		manage_stop(manage);
		return error;
	}
	*result = manage;
	return 0;
}

void manage_log(struct manage *manage, const char *line)
{
	struct list_node *pos, *after;

	if (!manage)
		return;
	tail_add(&manage->tail, line);
	list_for_each_safe(pos, after, &manage->connections)
		connection_log(connection_of(pos), tail_get(&manage->tail, 0));
}

void manage_totals(const struct manage *manage, struct manage_totals *totals)
{
	*totals = manage->totals;
}

void manage_stop(struct manage *manage)
{
	struct list_node *pos, *after;

	if (!manage)
		return;
	manage->stopping = true;
	unlink(manage->path);
	list_for_each_safe(pos, after, &manage->connections)
		connection_close(connection_of(pos));
	uv_close((uv_handle_t *)&manage->turn, on_handle_closed);
	uv_close((uv_handle_t *)&manage->listener, on_handle_closed);
}
