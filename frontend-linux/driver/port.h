/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One port of the virtual root hub: state, events, wPortStatus.
 *
 *   backend's connection event ──▶ speed ──┐
 *   hub requests: power, reset, suspend ───┼──▶ wPortStatus, wPortChange
 *
 * There is no wire: reset and resume are finished when they are asked for
 * (USB core waits out the times of the specification itself), so no timer is
 * needed.  Bits as in USB 2.0, 11.24.2.7.  Plain C, no lock of its own.
 */
#ifndef TV_HCD_PORT_H
#define TV_HCD_PORT_H

#include "core.h"

#define TV_PORT_CONNECTION 0x0001u
#define TV_PORT_ENABLE 0x0002u
#define TV_PORT_SUSPEND 0x0004u
#define TV_PORT_POWER 0x0100u
#define TV_PORT_LOW_SPEED 0x0200u
#define TV_PORT_HIGH_SPEED 0x0400u

/* wPortChange */
#define TV_PORT_C_CONNECTION 0x0001u
#define TV_PORT_C_ENABLE 0x0002u
#define TV_PORT_C_SUSPEND 0x0004u
#define TV_PORT_C_RESET 0x0010u

struct tv_port {
	u8 speed;	/* USBIF_SPEED_*: what the backend says is plugged */
	bool powered;
	bool enabled;
	bool suspended;
	u16 change;	/* TV_PORT_C_* */
	u16 parked;	/* IN transfers in flight; kept by urb.c */
};

/**
 * tv_port_connect - the backend says what is plugged into the port
 * @port:	the port
 * @speed:	USBIF_SPEED_*, validated
 *
 * Another speed means another device even if no unplug was seen.
 * Returns true if the hub has news.
 */
static inline bool tv_port_connect(struct tv_port *port, u8 speed)
{
	if (port->speed == speed)
		return false;
	port->speed = speed;
	port->enabled = false;
	port->suspended = false;
	if (!port->powered)
		return false;
	port->change |= TV_PORT_C_CONNECTION;
	return true;
}

/* tv_port_power - SetPortFeature or ClearPortFeature(PORT_POWER) */
static inline void tv_port_power(struct tv_port *port, bool on)
{
	if (port->powered == on)
		return;
	port->powered = on;
	port->enabled = false;
	port->suspended = false;
	port->change = on && port->speed ? TV_PORT_C_CONNECTION : 0;
}

/* tv_port_reset - SetPortFeature(PORT_RESET): enables what is plugged */
static inline void tv_port_reset(struct tv_port *port)
{
	if (!port->powered)
		return;
	port->suspended = false;
	port->enabled = port->speed != USBIF_SPEED_NONE;
	port->change |= TV_PORT_C_RESET;
}

/* tv_port_disable - ClearPortFeature(PORT_ENABLE) */
static inline void tv_port_disable(struct tv_port *port)
{
	port->enabled = false;
	port->suspended = false;
}

/* tv_port_suspend - SetPortFeature(PORT_SUSPEND) */
static inline void tv_port_suspend(struct tv_port *port)
{
	if (port->enabled)
		port->suspended = true;
}

/* tv_port_resume - ClearPortFeature(PORT_SUSPEND) */
static inline void tv_port_resume(struct tv_port *port)
{
	if (!port->suspended)
		return;
	port->suspended = false;
	port->change |= TV_PORT_C_SUSPEND;
}

/* tv_port_lost - the controller lost its backend and everything plugged */
static inline void tv_port_lost(struct tv_port *port)
{
	tv_port_connect(port, USBIF_SPEED_NONE);
}

/* tv_port_status - wPortStatus in the low, wPortChange in the high half */
static inline u32 tv_port_status(const struct tv_port *port)
{
	u32 status = 0;

	if (!port->powered)
		return 0;
	status |= TV_PORT_POWER;
	if (port->speed != USBIF_SPEED_NONE)
		status |= TV_PORT_CONNECTION;
	if (port->speed == USBIF_SPEED_LOW)
		status |= TV_PORT_LOW_SPEED;
	if (port->speed == USBIF_SPEED_HIGH)
		status |= TV_PORT_HIGH_SPEED;
	if (port->enabled)
		status |= TV_PORT_ENABLE;
	if (port->suspended)
		status |= TV_PORT_SUSPEND;
	return status | (u32)port->change << 16;
}

#endif
