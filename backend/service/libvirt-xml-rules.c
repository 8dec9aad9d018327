// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-xml-rules.c - the elements of libvirt's XML that may reach a guest.
 *
 * What is in here describes the virtual machine as its guest sees it.  What is
 * not: files, networks, bridges and devices of the host, pinning, passwords,
 * ports and addresses of consoles, security labels, and free text of the
 * administrator's (title, description, metadata).
 *
 * Sorted by path as strcmp() sorts; a test insists.
 */
#include "backend/service/libvirt-xml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct libvirt_xml_rule libvirt_xml_domain_rules[] = {
	{"domain", " id type ", false},
	{"domain/blkiotune", "", false},
	{"domain/blkiotune/weight", "", true},
	{"domain/clock", " adjustment basis offset ", false},
	{"domain/clock/timer", " name present tickpolicy ", false},
	{"domain/cpu", " check match mode ", false},
	{"domain/cpu/feature", " name policy ", false},
	{"domain/cpu/model", " fallback ", true},
	{"domain/cpu/topology", " cores dies sockets threads ", false},
	{"domain/cpu/vendor", "", true},
	{"domain/cputune", "", false},
	{"domain/cputune/shares", "", true},
	{"domain/currentMemory", " unit ", true},
	{"domain/devices", "", false},
	{"domain/devices/channel", " type ", false},
	{"domain/devices/channel/alias", " name ", false},
	{"domain/devices/channel/target", " name state type ", false},
	{"domain/devices/console", " type ", false},
	{"domain/devices/console/alias", " name ", false},
	{"domain/devices/console/target", " port type ", false},
	{"domain/devices/controller", " index model ports type ", false},
	{"domain/devices/controller/alias", " name ", false},
	{"domain/devices/disk", " device type ", false},
	{"domain/devices/disk/alias", " name ", false},
	{"domain/devices/disk/driver", " cache discard io type ", false},
	{"domain/devices/disk/readonly", "", false},
	{"domain/devices/disk/shareable", "", false},
	{"domain/devices/disk/target", " bus dev removable tray ", false},
	{"domain/devices/disk/transient", "", false},
	{"domain/devices/graphics", " type ", false},
	{"domain/devices/input", " bus type ", false},
	{"domain/devices/input/alias", " name ", false},
	{"domain/devices/interface", " type ", false},
	{"domain/devices/interface/alias", " name ", false},
	{"domain/devices/interface/link", " state ", false},
	{"domain/devices/interface/mac", " address ", false},
	{"domain/devices/interface/model", " type ", false},
	{"domain/devices/memballoon", " model ", false},
	{"domain/devices/memballoon/alias", " name ", false},
	{"domain/devices/parallel", " type ", false},
	{"domain/devices/parallel/target", " port type ", false},
	{"domain/devices/rng", " model ", false},
	{"domain/devices/serial", " type ", false},
	{"domain/devices/serial/alias", " name ", false},
	{"domain/devices/serial/target", " port type ", false},
	{"domain/devices/sound", " model ", false},
	{"domain/devices/sound/alias", " name ", false},
	{"domain/devices/tpm", " model ", false},
	{"domain/devices/video", "", false},
	{"domain/devices/video/alias", " name ", false},
	{"domain/devices/video/model", " heads primary ram type vgamem vram ",
	 false},
	{"domain/devices/watchdog", " action model ", false},
	{"domain/devices/watchdog/alias", " name ", false},
	{"domain/features", "", false},
	{"domain/features/acpi", "", false},
	{"domain/features/apic", "", false},
	{"domain/features/hap", " state ", false},
	{"domain/features/pae", "", false},
	{"domain/features/viridian", "", false},
	{"domain/memory", " unit ", true},
	{"domain/name", "", true},
	{"domain/on_crash", "", true},
	{"domain/on_poweroff", "", true},
	{"domain/on_reboot", "", true},
	{"domain/os", " firmware ", false},
	{"domain/os/boot", " dev ", false},
	{"domain/os/bootmenu", " enable timeout ", false},
	{"domain/os/type", " arch machine ", true},
	{"domain/uuid", "", true},
	{"domain/vcpu", " current placement ", true},
	{"domainsnapshot", "", false},
	{"domainsnapshot/active", "", true},
	{"domainsnapshot/creationTime", "", true},
	{"domainsnapshot/disks", "", false},
	{"domainsnapshot/disks/disk", " name snapshot ", false},
	{"domainsnapshot/memory", " snapshot ", false},
	{"domainsnapshot/name", "", true},
	{"domainsnapshot/parent", "", false},
	{"domainsnapshot/parent/name", "", true},
	{"domainsnapshot/state", "", true},
};
const unsigned int libvirt_xml_domain_rule_count =
	COUNT(libvirt_xml_domain_rules);

/* What a guest may say about a snapshot that it wants. */
const struct libvirt_xml_rule libvirt_xml_snapshot_rules[] = {
	{"domainsnapshot", "", false},
	{"domainsnapshot/description", "", true},
	{"domainsnapshot/name", "", true},
};
const unsigned int libvirt_xml_snapshot_rule_count =
	COUNT(libvirt_xml_snapshot_rules);
