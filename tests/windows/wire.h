/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - between xensim.sys (under Wine) and win-bed (Linux): a unix socket,
 * two connections.  The first carries questions of the simulator, each with an
 * answer; the second carries what happens to it.
 */
#ifndef TV_TESTS_WINDOWS_WIRE_H
#define TV_TESTS_WINDOWS_WIRE_H

#define WIRE_TEXT_MAX 8192u

struct wire_head {
	unsigned int op; /* in an answer: status, a negative errno */
	unsigned int a;	 /* in an answer: value */
	unsigned int b;
	unsigned int len; /* octets that follow */
};

enum wire_question {
	WIRE_HELLO = 1, /* answer: struct wire_hello */
	WIRE_READ,	/* a: transaction; text: path */
	WIRE_WRITE,	/* text: path, 0, value */
	WIRE_RM,
	WIRE_DIRECTORY, /* answer: names, each ended by 0 */
	WIRE_TX_START,
	WIRE_TX_END, /* a: transaction, b: commit */
	WIRE_WATCH,  /* a: token; text: path */
	WIRE_UNWATCH,
	WIRE_PORT,	 /* a: domain; answer: port */
	WIRE_PORT_CLOSE, /* a: port */
	WIRE_NOTIFY,	 /* a: port */
	WIRE_EOI,	 /* a: port */
	WIRE_SAY,	 /* text, for the log */
	WIRE_DONE,	 /* text: outcome of an order */
};

enum wire_event {
	WIRE_EVENT = 1, /* a: port */
	WIRE_FIRED,	/* a: token */
	WIRE_ORDER,	/* text */
};

/* The fake hypervisor's file and where the guest is in it. */
struct wire_hello {
	unsigned long long domain_offset;
	unsigned long long memory_offset;
	unsigned long long memory_size;
	unsigned int first_frame, frames; /* the simulator's */
	char path[200];
};

#endif
