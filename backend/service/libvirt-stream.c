// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-stream.c - consoles and other streams.
 *
 * A stream belongs to the call that opened it and is known by its serial.
 * Its octets are not looked at.  Packets of a stream that is not open are
 * dropped: they may be late.
 *
 *   guest: data, then OK (finish) or ERROR (abort); nothing after that
 *   daemon: data, then OK (finished) or ERROR; that ends it
 */
#include "backend/service/libvirt-internal.h"

#include <string.h>

struct filter_stream *filter_stream_new(struct libvirt_filter *filter,
					const struct filter_call *call)
{
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++) {
		struct filter_stream *stream = &filter->streams[i];

		if (stream->state != STREAM_FREE)
			continue;
		*stream = (struct filter_stream){
			.state = STREAM_ASKED,
			.header = call->header,
			.serial = call->serial,
			.procedure = call->procedure,
			.has_uuid = call->has_uuid,
		};
		memcpy(stream->uuid, call->uuid, sizeof(stream->uuid));
		return stream;
	}
	return NULL;
}

struct filter_stream *filter_stream_of(struct libvirt_filter *filter,
				       uint32_t daemon_serial)
{
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++)
		if (filter->streams[i].state != STREAM_FREE &&
		    filter->streams[i].serial == daemon_serial)
			return &filter->streams[i];
	return NULL;
}

static void put_packet(struct xdr_out *out, const struct filter_stream *stream,
		       uint32_t serial, uint32_t status, const uint8_t *data,
		       size_t len)
{
	struct libvirt_header header = stream->header;
	size_t begin;

	header.type = LIBVIRT_STREAM_DATA;
	header.serial = serial;
	header.status = status;
	begin = libvirt_message_begin(out, &header);
	xdr_put_octets(out, data, len);
	libvirt_message_end(out, begin);
}

static bool is_of(const struct filter_stream *stream,
		  const struct libvirt_header *header)
{
	return header->program == stream->header.program &&
	       header->version == stream->header.version &&
	       header->procedure == stream->header.procedure;
}

bool filter_stream_guest(struct libvirt_filter *filter,
			 const struct libvirt_header *header,
			 const uint8_t *payload, size_t len)
{
	struct filter_stream *stream = NULL;

	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++)
		if (filter->streams[i].state != STREAM_FREE &&
		    filter->streams[i].header.serial == header->serial)
			stream = &filter->streams[i];
	if (header->status > LIBVIRT_CONTINUE)
		return false;
	if (!stream || !is_of(stream, header) || stream->state != STREAM_OPEN)
		return true;
	if (header->status == LIBVIRT_CONTINUE) {
		put_packet(filter->to_daemon, stream, stream->serial,
			   LIBVIRT_CONTINUE, payload, len);
		return true;
	}
	put_packet(filter->to_daemon, stream, stream->serial, header->status,
		   NULL, 0);
	stream->state = STREAM_FINISHING;
	return true;
}

bool filter_stream_daemon(struct libvirt_filter *filter,
			  const struct libvirt_header *header,
			  const uint8_t *payload, size_t len)
{
	struct filter_stream *stream = filter_stream_of(filter, header->serial);
	struct libvirt_header answer;

	if (header->status > LIBVIRT_CONTINUE)
		return false;
	if (!stream || !is_of(stream, header) || stream->state == STREAM_ASKED)
		return true;
	if (header->status == LIBVIRT_CONTINUE) {
		put_packet(filter->to_guest, stream, stream->header.serial,
			   LIBVIRT_CONTINUE, payload, len);
		return true;
	}
	if (header->status == LIBVIRT_OK) {
		put_packet(filter->to_guest, stream, stream->header.serial,
			   LIBVIRT_OK, NULL, 0);
	} else {
		answer = stream->header;
		answer.type = LIBVIRT_STREAM_DATA;
		libvirt_pass_error(
			filter->to_guest, &answer, payload, len,
			filter_plain(filter,
				     filter_target(filter, stream->has_uuid,
						   stream->uuid)));
	}
	stream->state = STREAM_FREE;
	return true;
}

void filter_stream_end(struct libvirt_filter *filter,
		       struct filter_stream *stream, int code, const char *text,
		       bool tell_daemon)
{
	struct libvirt_header header = stream->header;

	header.type = LIBVIRT_STREAM_DATA;
	if (stream->state != STREAM_ASKED)
		libvirt_put_error(filter->to_guest, &header, code, text);
	if (tell_daemon && stream->state != STREAM_FINISHING)
		put_packet(filter->to_daemon, stream, stream->serial,
			   LIBVIRT_ERROR, NULL, 0);
	stream->state = STREAM_FREE;
}
