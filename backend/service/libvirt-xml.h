/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-xml.h - what of libvirt's XML may reach a guest, and the only XML
 * that a guest may send.
 *
 * Not libxml2: of a document from a peer we need elements, attributes and
 * text, in one pass, with no entity, no namespace and no document type ever
 * looked at; that is a page of code with two bounds (depth and octets) under
 * fuzz, in place of a library of two hundred thousand lines in a process that
 * holds a guest.  What is not of this small form is refused.
 */
#ifndef SERVICE_LIBVIRT_XML_H
#define SERVICE_LIBVIRT_XML_H

#include "backend/service/libvirt-policy.h"
#include "backend/service/libvirt-xdr.h"

/*
 * Appends of the description of a domain or snapshot what the list in
 * libvirt-xml-rules.c names.  False: not of the small form, or of another
 * domain than target; what was appended is of no use.
 */
bool libvirt_xml_scrub(const uint8_t *text, size_t len,
		       const struct libvirt_target *target,
		       struct xdr_out *out);

/*
 * Appends the description of a snapshot to be made: its name and description
 * are taken from the text, nothing else is allowed in it.
 */
bool libvirt_xml_snapshot(const uint8_t *text, size_t len, struct xdr_out *out);

/* An element that may pass, by its path; lists are sorted by it. */
struct libvirt_xml_rule {
	const char *path;
	const char *attributes; /* their names, each between spaces; "*" all */
	bool text;
};

extern const struct libvirt_xml_rule libvirt_xml_domain_rules[];
extern const unsigned int libvirt_xml_domain_rule_count;
extern const struct libvirt_xml_rule libvirt_xml_snapshot_rules[];
extern const unsigned int libvirt_xml_snapshot_rule_count;

#endif
