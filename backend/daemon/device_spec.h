/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device_spec.h - functions as a command line names them:
 *
 *   diag[:NAME]
 *   web:NAME=URL[,URL...]             upstreams of a service
 *   char:NAME=unix:PATH | tcp:ADDRESS:PORT
 *   char:NAME=exec:COMMAND            run by /bin/sh for each connection
 *   char:NAME=serial:PATH[,BAUD]
 *   p2p:NAME[=[listen|connect][@LINK]]   the two of a LINK (or NAME) are joined
 *   p2m:NAME=TAP[,MAC]                a TAP of this machine, by its name
 *   libvirt:NAME=unix:PATH,uri=URI[,domain=NAME:UUID:VERB+VERB...][,host=full]
 */
#ifndef DAEMON_DEVICE_SPEC_H
#define DAEMON_DEVICE_SPEC_H

#include <uv.h>

#include "backend/service/web.h"
#include "backend/usb/function.h"

enum { DEVICE_SPEC_LABEL = 80 };

struct device_spec {
	uv_loop_t *loop;
	struct web_service_set *services;
};

/*
 * The function, and in label (DEVICE_SPEC_LABEL octets) its "type-name".
 * Names of upstreams are resolved here, which may take a while.  NULL: what is
 * wrong has been told on stderr.
 */
struct usb_function *device_spec_make(const struct device_spec *spec,
				      const char *text, char *label);

#endif
