// SPDX-License-Identifier: MIT
/*
 * function.c - the function behind the device: its configuration, its
 * endpoints in the order docs/device.md gives them, its name.
 */
#include "frontend-windows/usb2virt/driver.h"

/* Enough for an interrupt endpoint and all pipes. */
#define MAX_EPS (1 + 2 * TV_PIPE_MAX)
#define INFO_SIZE                                                              \
	(FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes) +                     \
	 MAX_EPS * sizeof(USBD_PIPE_INFORMATION))

static NTSTATUS config_read(struct tv_function *f)
{
	UCHAR head[9];
	ULONG length = sizeof(head), total;
	NTSTATUS status;

	status = tv_usb_descriptor(f, TV_DESC_CONFIG, 0, 0, head, &length);
	if (!NT_SUCCESS(status))
		return status;
	total = head[2] | (ULONG)head[3] << 8;
	if (length != sizeof(head) || total < 9 || total > TV_CONFIG_MAX)
		return STATUS_DEVICE_DATA_ERROR;
	tv_free(f->config);
	f->config = tv_alloc(total);
	if (!f->config)
		return STATUS_INSUFFICIENT_RESOURCES;
	f->config_len = total;
	length = total;
	status = tv_usb_descriptor(f, TV_DESC_CONFIG, 0, 0, f->config, &length);
	if (!NT_SUCCESS(status))
		return status;
	return length == total && tv_config_valid(f->config, total)
		       ? STATUS_SUCCESS
		       : STATUS_DEVICE_DATA_ERROR;
}

/* The first interface that speaks our protocol. */
static NTSTATUS find(struct tv_function *f, struct tv_interface *out)
{
	unsigned int i;

	for (i = 0; tv_config_nth(f->config, f->config_len, i, out); i++)
		if (out->class == 0xff &&
		    out->protocol == TV_USB_PROTOCOL_PIPE_1) {
			f->iface = out->number;
			return STATUS_SUCCESS;
		}
	return STATUS_NOT_SUPPORTED;
}

static VOID name_read(struct tv_function *f, UCHAR index)
{
	ULONG length = 255;
	PUCHAR text = tv_alloc(length);

	f->name[0] = 0;
	if (text && index &&
	    NT_SUCCESS(tv_usb_descriptor(f, TV_DESC_STRING, index, 0x0409, text,
					 &length)))
		tv_string_copy(text, length, f->name, RTL_NUMBER_OF(f->name));
	tv_free(text);
}

static NTSTATUS configure(struct tv_function *f)
{
	ULONG fixed = FIELD_OFFSET(struct _URB_SELECT_CONFIGURATION, Interface);
	struct _URB_SELECT_CONFIGURATION *urb = tv_alloc(fixed + INFO_SIZE);
	NTSTATUS status;

	if (!urb)
		return STATUS_INSUFFICIENT_RESOURCES;
	urb->Hdr.Function = URB_FUNCTION_SELECT_CONFIGURATION;
	urb->ConfigurationDescriptor = (PVOID)f->config;
	urb->Interface.InterfaceNumber = f->iface;
	urb->Interface.Length = FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes);
	urb->Hdr.Length = (USHORT)(fixed + urb->Interface.Length);
	status = tv_usb_urb(f, urb);
	f->configuration = urb->ConfigurationHandle;
	tv_free(urb);
	return status;
}

/* Interrupt IN, then OUT and IN of each pipe. */
static NTSTATUS endpoints_take(struct tv_function *f,
			       PUSBD_INTERFACE_INFORMATION info)
{
	ULONG count = info->NumberOfPipes, i;
	KIRQL irql;

	if (count < 3 || count > MAX_EPS || count % 2 != 1 ||
	    info->Pipes[0].PipeType != UsbdPipeTypeInterrupt ||
	    !(info->Pipes[0].EndpointAddress & 0x80))
		return STATUS_DEVICE_DATA_ERROR;
	for (i = 1; i < count; i++)
		if (info->Pipes[i].PipeType != UsbdPipeTypeBulk ||
		    (info->Pipes[i].EndpointAddress >> 7) == (i % 2))
			return STATUS_DEVICE_DATA_ERROR;
	KeAcquireSpinLock(&f->lock, &irql);
	f->interrupt = info->Pipes[0].PipeHandle;
	f->pipes = (count - 1) / 2;
	for (i = 0; i < f->pipes; i++) {
		f->pipe[i].out = info->Pipes[1 + 2 * i].PipeHandle;
		f->pipe[i].in = info->Pipes[2 + 2 * i].PipeHandle;
	}
	KeReleaseSpinLock(&f->lock, irql);
	return STATUS_SUCCESS;
}

NTSTATUS tv_function_select(struct tv_function *f, UCHAR setting)
{
	ULONG fixed = FIELD_OFFSET(struct _URB_SELECT_INTERFACE, Interface);
	struct _URB_SELECT_INTERFACE *urb;
	struct tv_interface iface;
	NTSTATUS status;

	if (!tv_config_interface(f->config, f->config_len, f->iface, setting,
				 &iface) ||
	    iface.endpoints > MAX_EPS)
		return STATUS_DEVICE_DATA_ERROR;
	urb = tv_alloc(fixed + INFO_SIZE);
	if (!urb)
		return STATUS_INSUFFICIENT_RESOURCES;
	urb->Hdr.Function = URB_FUNCTION_SELECT_INTERFACE;
	urb->ConfigurationHandle = f->configuration;
	urb->Interface.InterfaceNumber = f->iface;
	urb->Interface.AlternateSetting = setting;
	urb->Interface.NumberOfPipes = iface.endpoints;
	urb->Interface.Length =
		(USHORT)(FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes) +
			 iface.endpoints * sizeof(USBD_PIPE_INFORMATION));
	urb->Hdr.Length = (USHORT)(fixed + urb->Interface.Length);
	status = tv_usb_urb(f, urb);
	if (NT_SUCCESS(status) && setting)
		status = endpoints_take(f, &urb->Interface);
	tv_free(urb);
	return status;
}

static VOID run(struct tv_function *f, BOOLEAN running)
{
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	f->running = running;
	KeReleaseSpinLock(&f->lock, irql);
}

NTSTATUS tv_function_start(struct tv_function *f)
{
	ULONG length = sizeof(f->info);
	struct tv_interface iface;
	NTSTATUS status;

	status = config_read(f);
	if (NT_SUCCESS(status))
		status = find(f, &iface);
	if (!NT_SUCCESS(status))
		return status;
	name_read(f, iface.string);
	status = configure(f);
	if (!NT_SUCCESS(status))
		return status;
	status = tv_usb_vendor(f, TV_FUNCTION_GET_INFO, 0, f->iface, &f->info,
			       &length, TRUE);
	if (!NT_SUCCESS(status))
		return status;
	status = tv_function_select(f, 1);
	if (!NT_SUCCESS(status))
		return status;
	run(f, TRUE);
	status = tv_event_start(f);
	if (!NT_SUCCESS(status))
		run(f, FALSE);
	return status;
}

/* there: the device still answers. */
VOID tv_function_stop(struct tv_function *f, BOOLEAN there)
{
	unsigned int i;

	run(f, FALSE);
	tv_pipe_break_all(f, TV_PIPE_REASON_NONE);
	tv_event_stop(f);
	for (i = 0; i < f->pipes; i++) {
		tv_usb_abort(f, f->pipe[i].in);
		tv_usb_abort(f, f->pipe[i].out);
	}
	if (there && f->config)
		tv_function_select(f, 0);
}
