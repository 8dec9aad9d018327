// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ncm.c - the data of a CDC NCM function.
 *
 *   OUT  transfer → block → datagrams → port.  A transfer is answered as soon
 *        as it is copied; the next is not looked at before all datagrams of the
 *        block have gone, so a port that takes no more stops the host.
 *   IN   port → datagrams → block → transfers.  Frames are fetched only when a
 *        transfer waits: the queue is the network's, not ours.
 *
 * Where a block of the host's ends (NCM 1.0, 3.2): at a short packet, at the
 * greatest size, or when as much has come as its header says.  The last is for
 * hosts that leave a zero-length packet out (Windows 10) and for buses that cut
 * a block into several transfers; hosts that send one octet too much instead
 * (Windows 11) are understood as well.  What cannot be a block is dropped, and
 * so is a single octet between two.
 *
 * A block of ours is never a multiple of a packet long, so the transfer that
 * takes its end is short.  If the host asked for less than a block, the rest
 * goes into the next transfer.
 */
#include "backend/function/ncm_internal.h"

#include "backend/util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BULK_PACKET = 512, DEFAULT_BITS_PER_SECOND = 1000000000 };

static struct log_limit malformed_limit = LOG_LIMIT_INIT(5, 60000);

/* --- from the host -------------------------------------------------------- */

static void block_forget(struct ncm *ncm)
{
	ncm->out_len = 0;
	ncm->out_ready = false;
	ncm->frame_len = 0;
}

/* The block is whole: false if there is nothing in it. */
static void block_begin(struct ncm *ncm)
{
	enum ntb_error error = ntb_reader_init(&ncm->reader, ncm->out,
					       ncm->out_len, ncm->wide);

	if (error == NTB_OK) {
		ncm->out_ready = true;
		return;
	}
	if (ncm->out_len > 1)
		log_limited(&malformed_limit, LOG_LEVEL_WARNING,
			    "%s: transfer block dropped: %s", ncm->label,
			    ntb_error_name(error));
	block_forget(ncm);
}

/* Sends datagrams until the port takes no more; true: the block is done. */
static bool block_send(struct ncm *ncm)
{
	struct ntb_datagram datagram;

	for (;;) {
		if (ncm->frame_len) {
			if (!ncm->port->ops->send(ncm->port, ncm->frame,
						  ncm->frame_len))
				return false;
			ncm->frame_len = 0;
		}
		if (!ntb_reader_next(&ncm->reader, &datagram))
			break;
		/* The port's filter counts what is too short or too long. */
		if (datagram.crc_wrong)
			continue;
		ncm->frame_len = datagram.len < FRAME_BUFFER ? datagram.len
							     : FRAME_BUFFER;
		memcpy(ncm->frame, datagram.data, ncm->frame_len);
	}
	block_forget(ncm);
	return true;
}

/* Adds a transfer's octets; true if the block is whole now. */
static bool block_add(struct ncm *ncm, const uint8_t *data, uint32_t len)
{
	uint32_t block;

	if (len > sizeof(ncm->out) - ncm->out_len) {
		/* More than any block has: wait for its end, drop it all. */
		ncm->out_len = 1;
		ncm->out[0] = 0;
		if (len % BULK_PACKET == 0)
			return false;
		block_forget(ncm);
		return false;
	}
	if (len)
		memcpy(ncm->out + ncm->out_len, data, len);
	ncm->out_len += len;
	block = ntb_block_length(ncm->out, ncm->out_len, ncm->wide);
	return len % BULK_PACKET != 0 || len == 0 ||
	       ncm->out_len >= NCM_NTB_SIZE || (block && ncm->out_len >= block);
}

static void take_transfer(struct ncm *ncm, struct usb_xfer *xfer)
{
	bool whole;

	if (xfer->length && !xfer->data && xfer->ops->fetch(xfer) < 0) {
		block_forget(ncm);
		usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
		return;
	}
	whole = block_add(ncm, xfer->data, xfer->length);
	if (whole && ncm->out_len)
		block_begin(ncm);
	usb_xfer_complete(xfer, USB_STATUS_OK, xfer->length);
}

static void pump_out(struct ncm *ncm)
{
	struct usb_xfer *xfer;

	if (ncm->out_pumping)
		return;
	ncm->out_pumping = true;
	/* Completing a transfer may stop us, or bring the next one. */
	while (ncm->running) {
		if (ncm->out_ready && !block_send(ncm))
			break;
		if (ncm->out_ready)
			continue;
		xfer = usb_endpoint_first(&ncm->function, ncm->out_endpoint);
		if (!xfer)
			break;
		take_transfer(ncm, xfer);
	}
	ncm->out_pumping = false;
}

/* --- to the host ---------------------------------------------------------- */

/* Puts what the port has into one block; false: it has nothing. */
static bool block_make(struct ncm *ncm)
{
	unsigned int max =
		ncm->in_datagrams ? ncm->in_datagrams : NTB_MAX_DATAGRAMS;
	struct ntb_writer writer;
	uint8_t *place;

	ntb_writer_init(&writer, ncm->in, ncm->in_size, ncm->wide, ncm->crc);
	while (writer.count < max &&
	       (place = ntb_writer_place(&writer, FRAME_BUFFER))) {
		size_t len = ncm->port->ops->receive(ncm->port, place);

		if (!len)
			break;
		if (ncm_wants(ncm, place))
			ntb_writer_add(&writer, (uint32_t)len);
		else
			ncm->port->ops->unwanted(ncm->port);
	}
	if (!writer.count)
		return false;
	ncm->in_len = ntb_writer_finish(&writer, ncm->sequence++);
	ncm->in_at = 0;
	return true;
}

static void give_block(struct ncm *ncm, struct usb_xfer *xfer)
{
	uint32_t len = ncm->in_len - ncm->in_at;
	uint8_t *place;

	if (len > xfer->length)
		len = xfer->length;
	place = xfer->ops->reserve(xfer, len);
	if (!place) {
		/* The host knows that something is lost: begin anew. */
		ncm->in_len = 0;
		ncm->in_zero = false;
		usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
		return;
	}
	memcpy(place, ncm->in + ncm->in_at, len);
	ncm->in_at += len;
	ncm->in_zero = false;
	if (ncm->in_at == ncm->in_len) {
		/* A transfer that is full to the end says not that it is. */
		ncm->in_zero = len && len % BULK_PACKET == 0 &&
			       len == xfer->length &&
			       ncm->in_len < ncm->in_size;
		ncm->in_len = 0;
	}
	usb_xfer_complete(xfer, USB_STATUS_OK, len);
}

static void pump_in(struct ncm *ncm)
{
	struct usb_xfer *xfer;

	if (ncm->in_pumping)
		return;
	ncm->in_pumping = true;
	while (ncm->running &&
	       (xfer = usb_endpoint_first(&ncm->function, ncm->in_endpoint))) {
		if (!xfer->length) {
			usb_xfer_complete(xfer, USB_STATUS_INVALID, 0);
			continue;
		}
		if (ncm->in_zero) {
			ncm->in_zero = false;
			usb_xfer_complete(xfer, USB_STATUS_OK, 0);
			continue;
		}
		if (!ncm->in_len && !block_make(ncm))
			break;
		give_block(ncm, xfer);
	}
	ncm->in_pumping = false;
}

/* --- events --------------------------------------------------------------- */

static void on_readable(void *context)
{
	pump_in(context);
}

static void on_writable(void *context)
{
	pump_out(context);
}

static void on_link_changed(void *context)
{
	struct ncm *ncm = context;

	if (!ncm->running)
		return;
	ncm->tell |= NCM_TELL_LINK;
	if (ncm->port->ops->link_up(ncm->port))
		ncm->tell |= NCM_TELL_SPEED;
	ncm_notify(ncm);
}

static const struct frame_port_events port_events = {
	.readable = on_readable,
	.writable = on_writable,
	.link_changed = on_link_changed,
};

static void ncm_select(struct usb_function *function, uint8_t interface,
		       uint8_t alt)
{
	struct ncm *ncm = ncm_of(function);

	if (interface != ncm->data_interface)
		return;
	ncm->running = alt == 1;
	block_forget(ncm);
	ncm->in_len = 0;
	ncm->in_zero = false;
	ncm->sequence = 0;
	ncm->tell = 0;
	if (alt == 0) {
		ncm_reset_settings(ncm);
		return;
	}
	ncm->tell = NCM_TELL_SPEED | NCM_TELL_LINK;
	ncm_notify(ncm);
}

static void ncm_transfer(struct usb_function *function, uint8_t endpoint)
{
	struct ncm *ncm = ncm_of(function);

	if (endpoint == ncm->notify_endpoint)
		ncm_notify(ncm);
	else if (endpoint == ncm->out_endpoint)
		pump_out(ncm);
	else
		pump_in(ncm);
}

static void ncm_destroy(struct usb_function *function)
{
	struct ncm *ncm = ncm_of(function);

	ncm->port->ops->destroy(ncm->port);
	free(ncm);
}

static const struct usb_function_ops ncm_ops = {
	.describe = ncm_describe,
	.select = ncm_select,
	.control = ncm_control,
	.transfer = ncm_transfer,
	.destroy = ncm_destroy,
	.associated = true,
};

struct usb_function *ncm_function_create(const struct ncm_config *config)
{
	struct ncm *ncm = calloc(1, sizeof(*ncm));

	if (!ncm) {
		config->port->ops->destroy(config->port);
		return NULL;
	}
	ncm->function.ops = &ncm_ops;
	ncm->port = config->port;
	snprintf(ncm->label, sizeof(ncm->label), "p2m:%s", config->name);
	memcpy(ncm->mac, config->mac, FRAME_MAC_LEN);
	ncm->segment_size = FRAME_MAX;
	if (config->mtu && config->mtu < FRAME_MAX - NTB_ETHERNET_HEADER)
		ncm->segment_size = config->mtu + NTB_ETHERNET_HEADER;
	ncm->bits_per_second = config->bits_per_second
				       ? config->bits_per_second
				       : DEFAULT_BITS_PER_SECOND;
	ncm_reset_settings(ncm);
	ncm->port->events = &port_events;
	ncm->port->context = ncm;
	return &ncm->function;
}
