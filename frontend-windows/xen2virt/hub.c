// SPDX-License-Identifier: MIT
/*
 * hub.c - the ports of a controller: what the in-box hub driver does for a
 * device that is plugged in, before any function driver sees it.
 *
 *   reset (a request to address 0 is one), SET_ADDRESS, device descriptor,
 *   configuration, BOS, Microsoft's descriptors, strings ─▶ a PDO
 *
 * A new device of a port is looked at only when the PDO of the former one is
 * gone for good: two with the same ids must never be reported.
 *
 * Runs in the worker.  What a device says is bounded and checked; a device that
 * says nonsense is not reported, with one line in the event log.
 */
#include "frontend-windows/xen2virt/driver.h"

#define LANGUAGE 0x0409

static NTSTATUS get(struct tv_pdo *pdo, UCHAR type, UCHAR request, USHORT value,
		    USHORT index, PVOID data, ULONG *length)
{
	const UCHAR setup[8] = {type,		request,
				(UCHAR)value,	(UCHAR)(value >> 8),
				(UCHAR)index,	(UCHAR)(index >> 8),
				(UCHAR)*length, (UCHAR)(*length >> 8)};

	return tv_hcd_control(pdo->controller, &pdo->ep[0], setup, data,
			      length);
}

static NTSTATUS get_descriptor(struct tv_pdo *pdo, UCHAR type, UCHAR index,
			       USHORT language, PVOID data, ULONG *length)
{
	return get(pdo, 0x80, 6, (USHORT)(type << 8 | index), language, data,
		   length);
}

static BOOLEAN device_read(struct tv_pdo *pdo)
{
	ULONG length = sizeof(pdo->desc_octets), none = 0;

	/* The port's reset; then the address. */
	if (!NT_SUCCESS(get_descriptor(pdo, TV_DESC_DEVICE, 0, 0,
				       pdo->desc_octets, &length)) ||
	    !tv_device_parse(pdo->desc_octets, length, &pdo->desc))
		return FALSE;
	if (!NT_SUCCESS(get(pdo, 0x00, 5, pdo->address, 0, NULL, &none)))
		return FALSE;
	pdo->ep[0].address = pdo->address;
	length = sizeof(pdo->desc_octets);
	return NT_SUCCESS(get_descriptor(pdo, TV_DESC_DEVICE, 0, 0,
					 pdo->desc_octets, &length)) &&
	       tv_device_parse(pdo->desc_octets, length, &pdo->desc);
}

static BOOLEAN config_read(struct tv_pdo *pdo)
{
	UCHAR head[9];
	ULONG length = sizeof(head), total;

	if (!NT_SUCCESS(
		    get_descriptor(pdo, TV_DESC_CONFIG, 0, 0, head, &length)) ||
	    length != sizeof(head))
		return FALSE;
	total = head[2] | (ULONG)head[3] << 8;
	if (total < sizeof(head) || total > TV_CONFIG_MAX)
		return FALSE;
	pdo->config = tv_alloc(total);
	if (!pdo->config)
		return FALSE;
	length = total;
	if (!NT_SUCCESS(get_descriptor(pdo, TV_DESC_CONFIG, 0, 0, pdo->config,
				       &length)) ||
	    length != total || !tv_config_valid(pdo->config, total))
		return FALSE;
	pdo->config_len = (USHORT)total;
	return TRUE;
}

static VOID msos20_read(struct tv_pdo *pdo, PUCHAR scratch)
{
	ULONG length = pdo->bos.msos_length;

	if (!length || length > TV_MSOS_MAX ||
	    !NT_SUCCESS(get(pdo, 0xc0, pdo->bos.msos_vendor, 0, 7, scratch,
			    &length)))
		return;
	/* Of the device, or of the only function it has. */
	pdo->has_compat = tv_msos20_compat(scratch, length, -1, &pdo->compat) ||
			  (!tv_id_composite(&pdo->desc, pdo->config) &&
			   tv_msos20_compat(scratch, length, 0, &pdo->compat));
}

static VOID msos10_read(struct tv_pdo *pdo, PUCHAR scratch)
{
	ULONG length = 18;

	if (!NT_SUCCESS(get_descriptor(pdo, TV_DESC_STRING, 0xee, 0, scratch,
				       &length)) ||
	    !tv_msos10_vendor(scratch, length, &pdo->msos10_vendor))
		return;
	pdo->msos10 = TRUE;
	length = 16 + 24 * 8;
	if (NT_SUCCESS(
		    get(pdo, 0xc0, pdo->msos10_vendor, 0, 4, scratch, &length)))
		pdo->has_compat = tv_msos10_compat(
			scratch, length,
			tv_id_composite(&pdo->desc, pdo->config) ? -1 : 0,
			&pdo->compat);
}

static VOID bos_read(struct tv_pdo *pdo, PUCHAR scratch)
{
	ULONG length = TV_BOS_MAX;

	RtlZeroMemory(&pdo->bos, sizeof(pdo->bos));
	if (pdo->desc.usb < 0x0201 ||
	    !NT_SUCCESS(
		    get_descriptor(pdo, TV_DESC_BOS, 0, 0, scratch, &length)) ||
	    !tv_bos_parse(scratch, length, &pdo->bos))
		RtlZeroMemory(&pdo->bos, sizeof(pdo->bos));
	if (pdo->bos.msos20)
		msos20_read(pdo, scratch);
	else if (pdo->desc.usb >= 0x0200)
		msos10_read(pdo, scratch);
}

static VOID string_read(struct tv_pdo *pdo, UCHAR index, PUCHAR scratch,
			UINT16 *out, SIZE_T room)
{
	ULONG length = 255;

	out[0] = 0;
	if (index && NT_SUCCESS(get_descriptor(pdo, TV_DESC_STRING, index,
					       LANGUAGE, scratch, &length)))
		tv_string_copy(scratch, length, out, room);
}

static BOOLEAN enumerate(struct tv_pdo *pdo)
{
	PUCHAR scratch = tv_alloc(TV_MSOS_MAX);

	if (!scratch)
		return FALSE;
	if (!device_read(pdo) || !config_read(pdo)) {
		tv_free(scratch);
		return FALSE;
	}
	bos_read(pdo, scratch);
	string_read(pdo, pdo->desc.product_string, scratch, pdo->product,
		    RTL_NUMBER_OF(pdo->product));
	string_read(pdo, pdo->desc.serial, scratch, pdo->serial,
		    RTL_NUMBER_OF(pdo->serial));
	tv_free(scratch);
	return TRUE;
}

static VOID report(struct tv_pdo *pdo)
{
	KIRQL irql;

	KeAcquireSpinLock(&pdo->fdo->lock, &irql);
	pdo->present = TRUE;
	KeReleaseSpinLock(&pdo->fdo->lock, irql);
	pdo->fdo->news = TRUE;
}

/*
 * The former PDO of a port: unreported, unplugged, and deleted by the last
 * remove IRP; or here, if PnP never saw it.  TRUE: there is none (any more).
 */
static BOOLEAN port_drop(struct tv_controller *c, ULONG port)
{
	BOOLEAN seen, present;
	struct tv_pdo *pdo;
	KIRQL irql;

	KeAcquireSpinLock(&c->fdo->lock, &irql);
	pdo = c->port[port];
	seen = pdo && pdo->reported;
	present = pdo && pdo->present;
	if (pdo)
		pdo->present = FALSE;
	KeReleaseSpinLock(&c->fdo->lock, irql);
	if (!pdo)
		return TRUE;
	if (present) {
		c->fdo->news = TRUE;
		tv_pdo_unplug(pdo);
	}
	if (!seen)
		tv_pdo_delete(pdo);
	return !seen;
}

static VOID port_plug(struct tv_controller *c, UCHAR port)
{
	struct tv_pdo *pdo;

	if (!NT_SUCCESS(tv_pdo_create(c, port, &pdo)))
		return;
	if (enumerate(pdo)) {
		report(pdo);
		return;
	}
	if (c->hcd.state == TV_UP && c->hcd.speed[port] != USBIF_SPEED_NONE)
		tv_fdo_log(c->fdo, STATUS_DEVICE_DATA_ERROR,
			   "a device's descriptors are not right");
	tv_pdo_unplug(pdo);
	tv_pdo_delete(pdo);
}

static VOID port_look(struct tv_controller *c, UCHAR port)
{
	ULONG plugs = c->hcd.plugs[port];

	if (plugs == c->port_seen[port])
		return;
	/* pdo.c wakes the worker when the former one is gone for good. */
	if (!port_drop(c, port))
		return;
	c->port_seen[port] = plugs;
	if (c->hcd.speed[port] != USBIF_SPEED_NONE)
		port_plug(c, port);
}

VOID tv_hub_scan(struct tv_controller *c)
{
	UCHAR port;

	for (port = 1; port <= USBIF_MAX_PORTS; port++)
		port_look(c, port);
}

/* The controller went down: nothing is plugged any more. */
VOID tv_hub_lost(struct tv_controller *c)
{
	UCHAR port;

	for (port = 1; port <= USBIF_MAX_PORTS; port++)
		port_drop(c, port);
}
