/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon_bed.h - a whole 2virtd with its device processes on a fake Xen, for
 * tests: real xenstored, stock frontends, a toolstack as libxl.
 */
#ifndef TESTS_DAEMON_BED_H
#define TESTS_DAEMON_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenstore.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/vusb_front.h"

extern struct xs_handle *bed_xs; /* as dom0 */

/* For all tests of a program: fake Xen, xenstored, folders.  77: skip. */
int bed_setup(void);
void bed_teardown(void);

/* The daemon; start waits for READY, stop and kill wait for its end. */
void bed_daemon_start(void);
void bed_daemon_stop(void);
void bed_daemon_kill(void);
void bed_daemon_signal(int number);
bool bed_daemon_runs(void);

/* The program of device processes is not there for a while. */
void bed_program_hide(bool hidden);
/* As if the host's /run had been emptied. */
void bed_journals_remove(void);
/* From the next start on, device processes are hostile-device.c doing this;
 * NULL: 2virt-device again. */
void bed_device_program(const char *name);

/* Device processes of the daemon at this moment; at most max pids. */
unsigned int bed_devices(pid_t *pids, unsigned int max);
/* Waits until there are that many. */
bool bed_devices_wait(unsigned int count, int timeout_ms);

/* True when the log of this test has the text; waits for it. */
bool bed_log_wait(const char *text, int timeout_ms);
unsigned int bed_log_count(const char *text);
void bed_log_clear(void);
void bed_log_show(void);

/* "run/control.sock" in the folder of this run; good for the next 3 calls. */
const char *bed_path(const char *name);

/* services.d/test.conf */
void bed_services_write(const char *text);

/* The configuration of a domain of this name, for xl. */
void bed_xl_config(const char *name, const char *text);

/* policy.d/NAME, domains.d/test.conf; NULL removes it. */
void bed_policy_write(const char *name, const char *text);
void bed_domains_write(const char *text);
/* What the program that is asked does. */
void bed_ask_write(const char *script);
/* For free(). */
char *bed_audit_read(void);
/* Waits for a line with both texts. */
bool bed_audit_wait(const char *a, const char *b, int timeout_ms);
pid_t bed_daemon_pid(void);
/* Requests of the daemon to xenstored so far. */
uint64_t bed_operations(void);

/* A running domain with controllers 0..controllers-1, attached as xl does. */
struct fake_guest *bed_guest(const char *name, unsigned int controllers);

/* printf into a path of dom0; value NULL removes it. */
void bed_write(const char *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bed_grant(struct fake_guest *guest, const char *type, const char *name,
	       bool granted);
bool bed_node_wait(const char *value, int timeout_ms, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool bed_node_exists(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

struct vusb_front *bed_front(struct fake_guest *guest, unsigned int devid);

/* Polls a frontend for that long. */
void bed_turn(struct vusb_front *front, int ms);

/* Enumerates the device on a port: address, configuration 1, setting 1 of
 * interface 0.  True if it is one of ours. */
bool bed_enumerate(struct vusb_front *front, uint8_t port, uint8_t address);

/* Opens the first pipe of the device on port 1 with this generation, sends a
 * request and reads until the text has come.  False: it does not. */
bool bed_request(struct vusb_front *front, uint8_t address, uint16_t generation,
		 const char *request, const char *expected);

uint64_t bed_now_ms(void);

#endif
