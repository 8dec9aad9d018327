/* SPDX-License-Identifier: MIT */
/*
 * descriptor.h - what a device says about itself, looked at with distrust.
 *
 * All functions take octets that a backend chose and their number; none reads
 * beyond, and what they return points into them.
 */
#ifndef TV_WIN_DESCRIPTOR_H
#define TV_WIN_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TV_CONFIG_MAX 4096 /* octets of a configuration we take */
#define TV_BOS_MAX 1024
#define TV_MSOS_MAX 4096

enum tv_descriptor_type {
	TV_DESC_DEVICE = 1,
	TV_DESC_CONFIG = 2,
	TV_DESC_STRING = 3,
	TV_DESC_INTERFACE = 4,
	TV_DESC_ENDPOINT = 5,
	TV_DESC_ASSOCIATION = 11,
	TV_DESC_BOS = 15,
	TV_DESC_CAPABILITY = 16,
};

struct tv_device_desc {
	uint16_t usb; /* bcdUSB */
	uint16_t vendor, product, revision;
	uint8_t class, subclass, protocol;
	uint8_t maxp0;
	uint8_t manufacturer, product_string, serial;
	uint8_t configurations;
};

/* 18 octets; false if it is no device descriptor. */
bool tv_device_parse(const uint8_t *octets, size_t len,
		     struct tv_device_desc *out);

/*
 * True if the configuration is whole: wTotalLength is len, descriptors follow
 * one another without gap or overrun, every interface has the endpoints it
 * counts, and no interface and setting comes twice.
 */
bool tv_config_valid(const uint8_t *config, size_t len);

static inline uint8_t tv_config_value(const uint8_t *config)
{
	return config[5];
}

struct tv_interface {
	const uint8_t *at; /* the descriptor, NULL: none */
	uint8_t number, setting, endpoints, class, subclass, protocol, string;
};

struct tv_endpoint {
	uint8_t address,
		type; /* 0 control, 1 isochronous, 2 bulk, 3 interrupt */
	uint8_t interval;
	uint16_t maxp; /* octets of a packet, without the high-bandwidth bits */
};

/* On a valid configuration: interface by number and setting. */
bool tv_config_interface(const uint8_t *config, size_t len, uint8_t number,
			 uint8_t setting, struct tv_interface *out);
/* The i-th interface in setting 0, in the order they stand. */
bool tv_config_nth(const uint8_t *config, size_t len, unsigned int i,
		   struct tv_interface *out);
/* The i-th endpoint (0..endpoints-1) of it. */
bool tv_config_endpoint(const uint8_t *config, size_t len,
			const struct tv_interface *iface, unsigned int i,
			struct tv_endpoint *out);

/* What identifies a driver in Microsoft's descriptors; not terminated. */
struct tv_compat_id {
	char id[8], sub[8];
};

struct tv_bos {
	bool container;
	uint8_t container_id[16];
	bool msos20;
	uint8_t msos_vendor; /* bRequest that reads the set */
	uint16_t msos_length;
};

/* false: no BOS.  Capabilities that are not understood are passed over. */
bool tv_bos_parse(const uint8_t *bos, size_t len, struct tv_bos *out);

/*
 * The compatible id that an MS OS 2.0 descriptor set gives to the function that
 * begins at an interface, or with interface -1 to the whole device.
 */
bool tv_msos20_compat(const uint8_t *set, size_t len, int iface,
		      struct tv_compat_id *out);
/* MS OS 1.0: string 0xee gives the vendor code; the compat descriptor's id. */
bool tv_msos10_vendor(const uint8_t *string, size_t len, uint8_t *vendor);
bool tv_msos10_compat(const uint8_t *desc, size_t len, int iface,
		      struct tv_compat_id *out);

/* Characters of a string descriptor into out (terminated); their number. */
size_t tv_string_copy(const uint8_t *string, size_t len, uint16_t *out,
		      size_t room);

#endif
