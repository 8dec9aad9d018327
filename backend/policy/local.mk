# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libpolicy.a
libpolicy_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
libpolicy_a_SOURCES = \
	backend/policy/compile.c \
	backend/policy/compile.h \
	backend/policy/diff.c \
	backend/policy/domains.c \
	backend/policy/domains.h \
	backend/policy/error.c \
	backend/policy/error.h \
	backend/policy/folder.c \
	backend/policy/folder.h \
	backend/policy/glob.c \
	backend/policy/glob.h \
	backend/policy/line.c \
	backend/policy/line.h \
	backend/policy/order.h \
	backend/policy/param.c \
	backend/policy/param.h \
	backend/policy/policy.c \
	backend/policy/policy.h \
	backend/policy/rule.c \
	backend/policy/rule.h \
	backend/policy/set.h \
	backend/policy/tree.c \
	backend/policy/tree.h \
	backend/policy/type.c \
	backend/policy/type.h

if HAVE_CMOCKA
POLICY_TESTS = \
	tests/unit/test-policy-bench \
	tests/unit/test-policy-compile \
	tests/unit/test-policy-folder \
	tests/unit/test-policy-golden
check_PROGRAMS += $(POLICY_TESTS)
TESTS += $(POLICY_TESTS)
endif
dist_man_MANS += docs/2virt-policy.5
EXTRA_DIST += tests/unit/policy-golden
tests_unit_test_policy_bench_SOURCES = tests/unit/test-policy-bench.c
tests_unit_test_policy_bench_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_bench_LDADD = libpolicy.a $(CMOCKA_LIBS)
tests_unit_test_policy_compile_SOURCES = tests/unit/test-policy-compile.c
tests_unit_test_policy_compile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_compile_LDADD = libpolicy.a $(CMOCKA_LIBS)
tests_unit_test_policy_folder_SOURCES = tests/unit/test-policy-folder.c
tests_unit_test_policy_folder_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_folder_LDADD = libpolicy.a $(CMOCKA_LIBS)
tests_unit_test_policy_golden_SOURCES = tests/unit/test-policy-golden.c
tests_unit_test_policy_golden_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPOLICY_GOLDEN='"$(abs_top_srcdir)/tests/unit/policy-golden"'
tests_unit_test_policy_golden_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_golden_LDADD = libpolicy.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-policy
endif
tests_fuzz_fuzz_policy_SOURCES = tests/fuzz/fuzz-policy.c
tests_fuzz_fuzz_policy_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fuzz_fuzz_policy_LDADD = libpolicy.a
tests_fuzz_fuzz_policy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
