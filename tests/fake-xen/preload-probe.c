/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preload-probe.c - a program linked with the real Xen libraries and built as
 * the daemons are, run by test-fake-xen under the preloaded fake.
 *
 * usage: preload-probe DOMID PORT REF.  As root it becomes nobody after it has
 * opened the devices, as 2virt-device does.  Adds one to the first int of the
 * page by mapping it, one to the second by a copy, notifies, and writes its
 * domid as it sees it in XenStore to stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

static int copy_int(xengnttab_handle *xgt, uint32_t domid, uint32_t ref,
		    int *value, bool to_guest)
{
	xengnttab_grant_copy_segment_t segment = {.len = sizeof(*value)};
	union xengnttab_copy_ptr foreign = {
		.foreign = {.ref = ref,
			    .offset = sizeof(*value),
			    .domid = (uint16_t)domid},
	};
	union xengnttab_copy_ptr local = {.virt = value};

	segment.flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	segment.source = to_guest ? local : foreign;
	segment.dest = to_guest ? foreign : local;
	if (xengnttab_grant_copy(xgt, 1, &segment) != 0)
		return -1;
	return segment.status;
}

int main(int argc, char **argv)
{
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	struct xs_handle *xs = xs_open(0);
	uint32_t domid, port, ref;
	xc_dominfo_t info;
	int local, value;
	char *path;
	int *page;

	if (argc != 4 || !xce || !xgt || !xch || !xs)
		return 1;
	domid = (uint32_t)strtoul(argv[1], NULL, 10);
	port = (uint32_t)strtoul(argv[2], NULL, 10);
	ref = (uint32_t)strtoul(argv[3], NULL, 10);
	if (getuid() == 0 &&
	    (chdir("/") != 0 || setgid(65534) != 0 || setuid(65534) != 0))
		return 2;
	if (xc_domain_getinfo(xch, domid, 1, &info) != 1 || info.domid != domid)
		return 3;
	if (xenevtchn_restrict(xce, (domid_t)domid) != 0)
		return 4;
	local = xenevtchn_bind_interdomain(xce, domid, port);
	page = xengnttab_map_grant_ref(xgt, domid, ref, PROT_READ | PROT_WRITE);
	if (local < 0 || !page)
		return 5;
	page[0]++;
	if (copy_int(xgt, domid, ref, &value, false) != 0)
		return 6;
	value++;
	if (copy_int(xgt, domid, ref, &value, true) != 0)
		return 7;
	if (xengnttab_unmap(xgt, page, 1) != 0 ||
	    xenevtchn_notify(xce, (evtchn_port_t)local) != 0)
		return 8;
	path = xs_get_domain_path(xs, domid);
	printf("%s\n", path ? path : "");
	free(path);
	xs_close(xs);
	xc_interface_close(xch);
	xengnttab_close(xgt);
	xenevtchn_close(xce);
	return 0;
}
