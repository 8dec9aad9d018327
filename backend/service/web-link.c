// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-link.c - a connection to an upstream.
 *
 *   CONNECTING ──▶ READY: busy with a request ◀──▶ idle ──▶ CLOSED
 *        └───────────────────────────────────────────────────▲
 *
 * libcurl connects (CURLOPT_CONNECT_ONLY): addresses, TLS and the check of
 * certificates are its business.  A plain connection is then taken from it and
 * used by itself; a TLS connection is spoken through curl_easy_send() and
 * curl_easy_recv().  HTTP is not curl's here: its transfer engine costs
 * several times what the exchange itself does (docs/web.md, "Cost").
 *
 * Each link has a multi handle of its own while it has a curl handle, because
 * a multi handle that makes new connections closes old ones that look dead to
 * it, and to it an answer that waits looks so.
 *
 * An idle link is watched: whatever becomes readable there (an end, or octets
 * that nobody asked for) closes it.  So a link that is taken from the pool was
 * alive at the last look at the loop.
 *
 * Nothing of this file calls back from inside libcurl.
 */
#include "backend/service/web-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUN_ROUNDS = 16 };

static void link_run(struct web_link *link, curl_socket_t fd, int action);

/* ---- the socket --------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct web_link *link = poll->data;
	int action = 0;

	if (status < 0)
		events |= UV_READABLE | UV_WRITABLE;
	if (link->state == WEB_LINK_CONNECTING) {
		if (events & UV_READABLE)
			action |= CURL_CSELECT_IN;
		if (events & UV_WRITABLE)
			action |= CURL_CSELECT_OUT;
		if (status < 0)
			action = CURL_CSELECT_ERR;
		link_run(link, link->fd, action);
	} else if (link->request) {
		web_exchange_event(link->request, events);
	} else {
		web_link_close(link);
	}
}

void web_link_watch(struct web_link *link, int events)
{
	if (link->watched == events || link->fd < 0)
		return;
	link->watched = events;
	if (events)
		uv_poll_start(&link->poll, events, on_poll);
	else
		uv_poll_stop(&link->poll);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context,
			  void *unused)
{
	struct web_link *link = context;
	int events = 0;

	(void)easy;
	(void)unused;
	if (link->state != WEB_LINK_CONNECTING)
		return 0;
	if (link->polling && link->fd != fd)
		return -1; /* one address each: there is no second try */
	if (what == CURL_POLL_REMOVE) {
		if (link->polling)
			web_link_watch(link, 0);
		return 0;
	}
	if (!link->polling) {
		if (uv_poll_init(link->set->loop, &link->poll, fd))
			return -1;
		link->poll.data = link;
		link->polling = true;
		link->fd = fd;
		link->set->open_handles++;
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	web_link_watch(link, events);
	return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct web_link *link = handle->data;

	link->poll_closed = true;
	web_set_handle_closed(link->set);
	if (link->freed)
		free(link);
}

/*
 * Closes the descriptor that is watched; the watch first, since libuv would
 * otherwise touch whatever has that number next.
 */
static void close_socket(struct web_link *link)
{
	if (link->fd < 0)
		return;
	uv_close((uv_handle_t *)&link->poll, on_poll_closed);
	close(link->fd);
	link->fd = -1;
}

static int on_curl_close(void *context, curl_socket_t fd)
{
	struct web_link *link = context;

	/* Another than the watched one: a connect that came to nothing. */
	if (fd != link->fd)
		return close(fd);
	if (link->taken)
		return 0;
	close_socket(link);
	return 0;
}

/* ---- connecting --------------------------------------------------------- */

static int on_curl_timeout(CURLM *multi, long timeout_ms, void *context)
{
	struct web_link *link = context;

	(void)multi;
	/* Later times are connect timeouts: the request has its own clock. */
	link->due = timeout_ms == 0;
	return 0;
}

static void drop_curl(struct web_link *link)
{
	if (link->easy && link->multi)
		curl_multi_remove_handle(link->multi, link->easy);
	curl_easy_cleanup(link->easy);
	curl_multi_cleanup(link->multi);
	link->easy = NULL;
	link->multi = NULL;
}

static bool link_ready(struct web_link *link)
{
	curl_socket_t fd = -1;

	curl_easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &fd);
	/* A connect that did not have to wait was never watched. */
	if (fd >= 0 && !link->polling)
		on_curl_socket(link->easy, fd, CURL_POLL_IN, link, NULL);
	if (fd < 0 || !link->polling || link->fd != fd)
		return false;
	link->state = WEB_LINK_READY;
	if (!link->upstream->https) {
		link->taken = true;
		drop_curl(link);
	}
	return true;
}

static void link_connected(struct web_link *link, CURLcode result)
{
	struct web_request *request = link->request;

	if (!result && !link_ready(link))
		result = CURLE_COULDNT_CONNECT;
	if (result)
		web_request_unreachable(request, result);
	else
		web_exchange_start(request);
}

static void link_run(struct web_link *link, curl_socket_t fd, int action)
{
	CURLMsg *message;
	int left;

	curl_multi_socket_action(link->multi, fd, action, &left);
	for (int i = 0; i < RUN_ROUNDS && link->due; i++) {
		link->due = false;
		curl_multi_socket_action(link->multi, CURL_SOCKET_TIMEOUT, 0,
					 &left);
	}
	while ((message = curl_multi_info_read(link->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		link_connected(link, message->data.result);
		return;
	}
}

static CURLcode set_ca(CURL *curl, struct web_service *service)
{
	struct curl_blob ca = {
		.data = service->ca_pem,
		.len = service->ca_pem_len,
		.flags = CURL_BLOB_NOCOPY,
	};
	CURLcode error = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);

	/* Or the system's certificates would be trusted as well. */
	if (!error)
		error = curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (!error)
		error = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	return error;
}

static CURLcode set_options(struct web_link *link)
{
	const struct web_upstream *upstream = link->upstream;
	CURL *curl = link->easy;
	CURLcode error = CURLE_OK;

#define SET(option, value)                                                     \
	do {                                                                   \
		if (!error)                                                    \
			error = curl_easy_setopt(curl, option, value);         \
	} while (0)
	SET(CURLOPT_CURLU, upstream->url);
	SET(CURLOPT_CONNECT_TO, upstream->connect_to);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_PROTOCOLS_STR, upstream->https ? "https" : "http");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_BUFFERSIZE, 1024L);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_curl_close);
	SET(CURLOPT_CLOSESOCKETDATA, link);
#undef SET
	if (!error && upstream->https)
		error = set_ca(curl, link->service);
	return error;
}

static void link_free(struct web_link *link)
{
	drop_curl(link);
	close_socket(link);
	link->freed = true;
	if (!link->polling || link->poll_closed)
		free(link);
}

bool web_link_open(struct web_request *request, struct web_upstream *upstream)
{
	struct web_link *link = calloc(1, sizeof(*link));

	if (!link)
		return false;
	link->set = request->set;
	link->service = request->service;
	link->upstream = upstream;
	link->fd = -1;
	link->state = WEB_LINK_CONNECTING;
	list_init(&link->idle);
	link->easy = curl_easy_init();
	link->multi = curl_multi_init();
	if (!link->easy || !link->multi || set_options(link))
		goto err;
	curl_multi_setopt(link->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(link->multi, CURLMOPT_SOCKETDATA, link);
	curl_multi_setopt(link->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
	curl_multi_setopt(link->multi, CURLMOPT_TIMERDATA, link);
	if (curl_multi_add_handle(link->multi, link->easy))
		goto err;
	link->request = request;
	request->link = link;
	link->service->links++;
	link_run(link, CURL_SOCKET_TIMEOUT, 0);
	return true;

err:
	link_free(link);
	return false;
}

/* ---- use ---------------------------------------------------------------- */

ssize_t web_link_send(struct web_link *link, const void *data, size_t len)
{
	size_t sent = 0;
	CURLcode result;
	ssize_t n;

	if (!link->easy) {
		n = send(link->fd, data, len, MSG_NOSIGNAL);
		return n < 0 ? -errno : n;
	}
	result = curl_easy_send(link->easy, data, len, &sent);
	if (result == CURLE_AGAIN)
		return -EAGAIN;
	return result ? -EIO : (ssize_t)sent;
}

ssize_t web_link_receive(struct web_link *link, void *data, size_t len)
{
	size_t received = 0;
	CURLcode result;
	ssize_t n;

	if (!link->easy) {
		n = recv(link->fd, data, len, 0);
		return n < 0 ? -errno : n;
	}
	result = curl_easy_recv(link->easy, data, len, &received);
	if (result == CURLE_AGAIN)
		return -EAGAIN;
	return result ? -EIO : (ssize_t)received;
}

struct web_link *web_link_take(struct web_upstream *upstream)
{
	struct list_node *node = upstream->idle_links.prev;
	struct web_link *link;

	/* The one that was used last is the likeliest to live. */
	if (list_empty(&upstream->idle_links))
		return NULL;
	list_remove(node);
	link = container_of(node, struct web_link, idle);
	link->reused = true;
	return link;
}

void web_link_rest(struct web_link *link)
{
	link->request = NULL;
	list_append(&link->upstream->idle_links, &link->idle);
	web_link_watch(link, UV_READABLE);
}

void web_link_close(struct web_link *link)
{
	if (link->state == WEB_LINK_CLOSED)
		return;
	link->service->links--;
	link->state = WEB_LINK_CLOSED;
	if (list_linked(&link->idle))
		list_remove(&link->idle);
	if (link->request)
		link->request->link = NULL;
	link->request = NULL;
	link_free(link);
}
