// SPDX-License-Identifier: MIT
/*
 * id.c - hardware, compatible, instance and container ids as the in-box hub
 * driver makes them ("Standard USB Identifiers").
 */
#include "frontend-windows/core/id.h"

#include <string.h>

/* A string under construction. */
struct writer {
	struct tv_ids *ids;
	unsigned int start;
	bool full;
};

static void put(struct writer *w, uint16_t c)
{
	/* Two zeros always fit behind. */
	if (w->ids->used + 2 >= TV_ID_CHARS)
		w->full = true;
	else
		w->ids->text[w->ids->used++] = c;
}

static void text(struct writer *w, const char *s)
{
	while (*s)
		put(w, (uint8_t)*s++);
}

static void hex(struct writer *w, uint32_t value, unsigned int digits)
{
	while (digits--)
		put(w, (uint8_t) "0123456789ABCDEF"[value >> 4 * digits & 15]);
}

static void decimal(struct writer *w, unsigned int value)
{
	if (value >= 10)
		decimal(w, value / 10);
	put(w, (uint16_t)('0' + value % 10));
}

static void begin(struct writer *w, struct tv_ids *ids)
{
	w->ids = ids;
	w->start = ids->used;
	w->full = false;
}

static void end(struct writer *w)
{
	if (w->full)
		w->ids->used = w->start;
	else
		w->ids->text[w->ids->used++] = 0;
}

static void list_end(struct tv_ids *ids)
{
	if (!ids->used)
		ids->text[ids->used++] = 0;
	ids->text[ids->used++] = 0;
}

bool tv_id_composite(const struct tv_device_desc *device, const uint8_t *config)
{
	bool open =
		(!device->class && !device->subclass && !device->protocol) ||
		(device->class == 0xef && device->subclass == 2 &&
		 device->protocol == 1);

	return open && config[4] > 1 && device->configurations == 1;
}

static void vid_pid(struct writer *w, const struct tv_device_desc *device)
{
	text(w, "USB\\VID_");
	hex(w, device->vendor, 4);
	text(w, "&PID_");
	hex(w, device->product, 4);
}

void tv_id_device(const struct tv_device_desc *device, struct tv_ids *out)
{
	struct writer w;

	out->used = 0;
	begin(&w, out);
	vid_pid(&w, device);
	end(&w);
}

void tv_id_hardware(const struct tv_device_desc *device, struct tv_ids *out)
{
	struct writer w;

	out->used = 0;
	begin(&w, out);
	vid_pid(&w, device);
	text(&w, "&REV_");
	hex(&w, device->revision, 4);
	end(&w);
	begin(&w, out);
	vid_pid(&w, device);
	end(&w);
	list_end(out);
}

static void fixed(struct writer *w, const char *id)
{
	for (unsigned int i = 0; i < 8 && id[i]; i++)
		put(w, (uint8_t)id[i]);
}

static void microsoft(struct tv_ids *out, const struct tv_compat_id *compat)
{
	struct writer w;

	if (compat->sub[0]) {
		begin(&w, out);
		text(&w, "USB\\MS_COMP_");
		fixed(&w, compat->id);
		text(&w, "&MS_SUBCOMP_");
		fixed(&w, compat->sub);
		end(&w);
	}
	begin(&w, out);
	text(&w, "USB\\MS_COMP_");
	fixed(&w, compat->id);
	end(&w);
}

/* Class, subclass and protocol, each string one less. */
static void classes(struct tv_ids *out, const char *prefix, const uint8_t c[3])
{
	for (int parts = 3; parts > 0; parts--) {
		struct writer w;

		begin(&w, out);
		text(&w, prefix);
		hex(&w, c[0], 2);
		if (parts > 1) {
			text(&w, "&SubClass_");
			hex(&w, c[1], 2);
		}
		if (parts > 2) {
			text(&w, "&Prot_");
			hex(&w, c[2], 2);
		}
		end(&w);
	}
}

void tv_id_compatible(const struct tv_device_desc *device,
		      const uint8_t *config, size_t len,
		      const struct tv_compat_id *compat, struct tv_ids *out)
{
	struct tv_interface first;
	struct writer w;

	out->used = 0;
	if (compat)
		microsoft(out, compat);
	if (tv_id_composite(device, config)) {
		classes(out, "USB\\DevClass_",
			(const uint8_t[]){device->class, device->subclass,
					  device->protocol});
		begin(&w, out);
		text(&w, "USB\\COMPOSITE");
		end(&w);
	} else if (tv_config_nth(config, len, 0, &first)) {
		classes(out, "USB\\Class_",
			(const uint8_t[]){first.class, first.subclass,
					  first.protocol});
	}
	list_end(out);
}

void tv_id_instance(unsigned int controller, unsigned int port,
		    struct tv_ids *out)
{
	struct writer w;

	out->used = 0;
	begin(&w, out);
	text(&w, "c");
	decimal(&w, controller);
	text(&w, "p");
	decimal(&w, port);
	end(&w);
}

static void hash(uint64_t h[2], uint32_t value)
{
	for (int i = 0; i < 4; i++, value >>= 8) {
		h[0] = (h[0] ^ (value & 255)) * 0x100000001b3ull;
		h[1] = (h[1] ^ (value & 255) ^ 0x5a) * 0x100000001b3ull;
	}
}

void tv_id_container(const struct tv_device_desc *device,
		     const struct tv_bos *bos, const uint16_t *serial,
		     unsigned int controller, unsigned int port,
		     uint8_t out[16])
{
	uint64_t h[2] = {0xcbf29ce484222325ull, 0x84222325cbf29ce4ull};

	if (bos->container) {
		memcpy(out, bos->container_id, 16);
		return;
	}
	hash(h, (uint32_t)device->vendor << 16 | device->product);
	hash(h, (uint32_t)device->revision << 16 | controller);
	hash(h, port);
	while (*serial)
		hash(h, *serial++);
	memcpy(out, h, 16);
	/* As RFC 9562 has it for a value of one's own making: version 8. */
	out[7] = (uint8_t)((out[7] & 0x0f) | 0x80);
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}
