/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-mem-port.h - a port of 2virt-guest over the in-process bus.
 */
#ifndef GUEST_MEM_PORT_H
#define GUEST_MEM_PORT_H

#include "backend/bus/mem.h"
#include "frontend-linux/guest/port.h"

#include <uv.h>

enum { MEM_PORT_NUMBER = 1 };

/* The one bus; the test makes it and plugs the device in. */
extern struct bus *bus;

/* The interface of the device on port MEM_PORT_NUMBER; closed by the guest. */
struct port *mem_port_create(uv_loop_t *loop, uint8_t interface);

/* A control transfer: octets moved, -1 if it was stalled. */
int mem_port_control(uint8_t type, uint8_t request, uint16_t value,
		     uint16_t index, uint8_t *data, uint16_t len);

#endif
