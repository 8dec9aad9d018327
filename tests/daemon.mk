# SPDX-License-Identifier: GPL-2.0-or-later
# The daemons: parts, then whole programs under the fake Xen.
noinst_HEADERS += tests/unit/daemon_bed.h
DAEMON_TESTS = \
	tests/unit/test-daemon \
	tests/unit/test-daemon-files \
	tests/unit/test-daemon-control \
	tests/unit/test-daemon-hostile \
	tests/unit/test-daemon-message \
	tests/unit/test-daemon-policy \
	tests/unit/test-daemon-audit \
	tests/unit/test-daemon-sandbox \
	tests/unit/test-daemon-scale \
	tests/unit/test-daemon-services \
	tests/unit/test-daemon-state \
	tests/unit/test-xl-attach \
	tests/unit/test-xl-config
if HAVE_CMOCKA
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)
check_PROGRAMS += tests/unit/hostile-device
endif
TESTS += tests/unit/test-closed-descriptors
EXTRA_DIST += tests/unit/test-closed-descriptors
TESTS += tests/unit/test-daemon-options
EXTRA_DIST += tests/unit/test-daemon-options
tests_unit_hostile_device_SOURCES = tests/unit/hostile-device.c
tests_unit_hostile_device_LDADD = libdaemon.a
tests_unit_test_daemon_SOURCES = tests/unit/test-daemon.c tests/unit/daemon_bed.c
tests_unit_test_daemon_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DBUILDDIR='"$(abs_top_builddir)"' $(XENSTORE_CFLAGS)
tests_unit_test_daemon_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_daemon_LDADD = $(FAKE_XEN_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_control_SOURCES = \
	tests/unit/test-daemon-control.c tests/unit/daemon_bed.c
tests_unit_test_daemon_control_CPPFLAGS = $(tests_unit_test_daemon_CPPFLAGS) \
	$(UV_CFLAGS)
tests_unit_test_daemon_control_CFLAGS = $(tests_unit_test_daemon_CFLAGS)
tests_unit_test_daemon_control_LDADD = libdaemon.a libutil.a \
	$(tests_unit_test_daemon_LDADD) $(UV_LIBS)
tests_unit_test_daemon_hostile_SOURCES = tests/unit/test-daemon-hostile.c \
	tests/unit/daemon_bed.c
tests_unit_test_daemon_hostile_CPPFLAGS = $(tests_unit_test_daemon_CPPFLAGS)
tests_unit_test_daemon_hostile_CFLAGS = $(tests_unit_test_daemon_CFLAGS)
tests_unit_test_daemon_hostile_LDADD = $(tests_unit_test_daemon_LDADD)
tests_unit_test_daemon_files_SOURCES = tests/unit/test-daemon-files.c
tests_unit_test_daemon_files_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	$(XENSTORE_CFLAGS)
tests_unit_test_daemon_files_LDADD = libdaemon.a libutil.a $(XENSTORE_LIBS) \
	$(XENCTRL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_audit_SOURCES = tests/unit/test-daemon-audit.c
tests_unit_test_daemon_audit_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_daemon_audit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_daemon_audit_LDADD = libdaemon.a libutil.a $(CMOCKA_LIBS)
tests_unit_test_daemon_scale_SOURCES = tests/unit/test-daemon-scale.c
tests_unit_test_daemon_scale_CPPFLAGS = $(tests_unit_test_daemon_CPPFLAGS) \
	$(UV_CFLAGS)
tests_unit_test_daemon_scale_CFLAGS = $(tests_unit_test_daemon_CFLAGS)
tests_unit_test_daemon_scale_LDADD = libdaemon.a libpolicy.a libutil.a \
	$(tests_unit_test_daemon_LDADD) $(UV_LIBS) $(INIH_LIBS) \
	$(XENCTRL_LIBS)
tests_unit_test_daemon_policy_SOURCES = tests/unit/test-daemon-policy.c \
	tests/unit/daemon_bed.c
tests_unit_test_daemon_policy_CPPFLAGS = $(tests_unit_test_daemon_CPPFLAGS)
tests_unit_test_daemon_policy_CFLAGS = $(tests_unit_test_daemon_CFLAGS)
tests_unit_test_daemon_policy_LDADD = $(tests_unit_test_daemon_LDADD)
tests_unit_test_daemon_message_SOURCES = tests/unit/test-daemon-message.c
tests_unit_test_daemon_message_LDADD = libdaemon.a $(CMOCKA_LIBS)
tests_unit_test_daemon_sandbox_SOURCES = tests/unit/test-daemon-sandbox.c \
	backend/daemon/sandbox.c backend/daemon/sandbox_calls.c \
	backend/daemon/sandbox_filter.c
tests_unit_test_daemon_sandbox_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	$(CURL_CFLAGS)
tests_unit_test_daemon_sandbox_LDADD = libutil.a $(CURL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_daemon_services_SOURCES = tests/unit/test-daemon-services.c
tests_unit_test_daemon_services_LDADD = libdaemon.a libutil.a \
	$(INIH_LIBS) $(XENSTORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_xl_attach_SOURCES = tests/unit/test-xl-attach.c
tests_unit_test_xl_attach_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_unit_test_xl_attach_LDADD = libdaemon.a libutil.a $(UV_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_xl_config_SOURCES = tests/unit/test-xl-config.c
tests_unit_test_xl_config_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_xl_config_LDADD = libdaemon.a libutil.a $(XENSTORE_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_daemon_state_SOURCES = tests/unit/test-daemon-state.c
tests_unit_test_daemon_state_LDADD = libdaemon.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-grants tests/fuzz/fuzz-message \
	tests/fuzz/fuzz-xl-config
endif
tests_fuzz_fuzz_xl_config_SOURCES = tests/fuzz/fuzz-xl-config.c
tests_fuzz_fuzz_xl_config_LDADD = libdaemon.a
tests_fuzz_fuzz_xl_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_grants_SOURCES = tests/fuzz/fuzz-grants.c
tests_fuzz_fuzz_grants_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fuzz_fuzz_grants_LDADD = libdaemon.a libpolicy.a libutil.a
tests_fuzz_fuzz_grants_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz-message.c
tests_fuzz_fuzz_message_LDADD = libdaemon.a
tests_fuzz_fuzz_message_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
