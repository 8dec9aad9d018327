// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox_filter.c - a table of system calls made into a seccomp filter.
 *
 * By hand and not by libseccomp: it is the few instructions below, and one
 * library less is in the process that is attacked.  Of each rule comes
 *
 *	        A = number
 *	        A == rule's number ?       no: next rule
 *	        A = argument, A &= mask    \  for
 *	        A == a value ?             /  each test; no: next rule
 *	        return the rule's answer
 *
 * and behind the last one the process is killed, as for calls of another
 * architecture (int 0x80), whose numbers mean other things.  Those of x32 have
 * a bit more and are in no rule.
 */
#include "backend/daemon/sandbox_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#else
#error the numbers of system calls are not known for this architecture
#endif

enum { PROGRAM_MAX = 1024 };

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned int len;
	bool full;
};

static void emit(struct program *program, uint16_t code, uint32_t value,
		 uint8_t yes, uint8_t no)
{
	if (program->len == PROGRAM_MAX) {
		program->full = true;
		return;
	}
	program->code[program->len++] = (struct sock_filter){
		.code = code,
		.jt = yes,
		.jf = no,
		.k = value,
	};
}

static void emit_load(struct program *program, size_t offset)
{
	emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct program *program, uint32_t action)
{
	emit(program, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_head(struct program *program)
{
	emit_load(program, offsetof(struct seccomp_data, arch));
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	emit_return(program, SECCOMP_RET_KILL_PROCESS);
}

/* Instructions of a test. */
static unsigned int test_len(const struct sandbox_test *test)
{
	return test->count ? 2 + test->count : 0;
}

/* left: instructions of the rule behind this test. */
static void emit_test(struct program *program, const struct sandbox_test *test,
		      unsigned int left)
{
	/* The low half of the argument: both architectures are little-endian.
	 */
	emit_load(program, offsetof(struct seccomp_data, args) +
				   test->argument * sizeof(uint64_t));
	emit(program, BPF_ALU | BPF_AND | BPF_K, test->mask, 0, 0);
	for (uint32_t i = 0; i < test->count; i++) {
		unsigned int behind = test->count - 1 - i;

		emit(program, BPF_JMP | BPF_JEQ | BPF_K, test->values[i],
		     (uint8_t)behind, behind ? 0 : (uint8_t)left);
	}
}

static void emit_rule(struct program *program, const struct sandbox_rule *rule)
{
	unsigned int left = 1;

	for (unsigned int i = 0; i < SANDBOX_TESTS; i++)
		left += test_len(&rule->tests[i]);
	emit_load(program, offsetof(struct seccomp_data, nr));
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0,
	     (uint8_t)left);
	for (unsigned int i = 0; i < SANDBOX_TESTS; i++) {
		if (!rule->tests[i].count)
			continue;
		left -= test_len(&rule->tests[i]);
		emit_test(program, &rule->tests[i], left);
	}
	emit_return(program, rule->error
				     ? SECCOMP_RET_ERRNO |
					       (rule->error & SECCOMP_RET_DATA)
				     : SECCOMP_RET_ALLOW);
}

int sandbox_filter_enter(const struct sandbox_rule *rules, size_t count,
			 uint32_t groups)
{
	struct program program = {.len = 0};
	struct sock_fprog filter = {.filter = program.code};

	emit_head(&program);
	for (size_t i = 0; i < count; i++)
		if (rules[i].groups & groups)
			emit_rule(&program, &rules[i]);
	emit_return(&program, SECCOMP_RET_KILL_PROCESS);
	if (program.full)
		return -E2BIG;
	filter.len = (unsigned short)program.len;
	/* All threads, though there should be one only. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0)
		return errno ? -errno : -EIO;
	return 0;
}
