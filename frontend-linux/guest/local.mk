# SPDX-License-Identifier: GPL-2.0-or-later
# 2virt-guest: the daemon in Linux guests.
sbin_PROGRAMS += 2virt-guest
noinst_LIBRARIES += libguest.a

# Everything but the command line; tests link this without libusb.
libguest_a_SOURCES = \
	frontend-linux/guest/connection.c \
	frontend-linux/guest/connection.h \
	frontend-linux/guest/descriptor.c \
	frontend-linux/guest/descriptor.h \
	frontend-linux/guest/discover.c \
	frontend-linux/guest/discover.h \
	frontend-linux/guest/forward.c \
	frontend-linux/guest/forward.h \
	frontend-linux/guest/function.c \
	frontend-linux/guest/function.h \
	frontend-linux/guest/listener.c \
	frontend-linux/guest/listener.h \
	frontend-linux/guest/log.c \
	frontend-linux/guest/log.h \
	frontend-linux/guest/name.c \
	frontend-linux/guest/name.h \
	frontend-linux/guest/offer.c \
	frontend-linux/guest/offer.h \
	frontend-linux/guest/pipe.c \
	frontend-linux/guest/pipe.h \
	frontend-linux/guest/port.h \
	frontend-linux/guest/relay.c \
	frontend-linux/guest/relay.h \
	frontend-linux/guest/service.c \
	frontend-linux/guest/service.h \
	frontend-linux/guest/settings.c \
	frontend-linux/guest/settings.h \
	frontend-linux/guest/status.c \
	frontend-linux/guest/status.h
libguest_a_CFLAGS = $(TV_CFLAGS) $(UV_CFLAGS) $(INIH_CFLAGS)

2virt_guest_SOURCES = \
	frontend-linux/guest/client.c \
	frontend-linux/guest/client.h \
	frontend-linux/guest/directory.c \
	frontend-linux/guest/directory.h \
	frontend-linux/guest/guest.c \
	frontend-linux/guest/guest.h \
	frontend-linux/guest/main.c \
	frontend-linux/guest/port-libusb.c \
	frontend-linux/guest/port-libusb.h
2virt_guest_CPPFLAGS = $(AM_CPPFLAGS) \
	-DGUEST_CONFIG_FILE='"$(pkgsysconfdir)/guest.conf"'
2virt_guest_CFLAGS = $(TV_CFLAGS) $(UV_CFLAGS) $(INIH_CFLAGS) $(USB1_CFLAGS) \
	$(JANSSON_CFLAGS)
2virt_guest_LDADD = libguest.a $(UV_LIBS) $(INIH_LIBS) $(USB1_LIBS) \
	$(JANSSON_LIBS)

dist_man_MANS += docs/2virt-guest.8
EXTRA_DIST += \
	frontend-linux/guest/2virt-guest.service.in

guest_unitdir = $(systemdsystemunitdir)
nodist_guest_unit_DATA = frontend-linux/guest/2virt-guest.service
CLEANFILES += frontend-linux/guest/2virt-guest.service
frontend-linux/guest/2virt-guest.service: \
		frontend-linux/guest/2virt-guest.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) 's|@sbindir[@]|$(sbindir)|g' \
		$(srcdir)/frontend-linux/guest/2virt-guest.service.in > $@

guest_rulesdir = $(udevdir)/rules.d
dist_guest_rules_DATA = frontend-linux/guest/70-2virt-guest.rules
guest_exampledir = $(docdir)
dist_guest_example_DATA = frontend-linux/guest/guest.conf.example

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test-guest-cli \
	tests/unit/test-guest-device \
	tests/unit/test-guest-directory \
	tests/unit/test-guest-function \
	tests/unit/test-guest-local \
	tests/unit/test-guest-p2p \
	tests/unit/test-guest-pipe
TESTS += \
	tests/unit/test-guest-cli \
	tests/unit/test-guest-device \
	tests/unit/test-guest-directory \
	tests/unit/test-guest-function \
	tests/unit/test-guest-local \
	tests/unit/test-guest-p2p \
	tests/unit/test-guest-pipe
endif
tests_unit_test_guest_directory_SOURCES = \
	frontend-linux/guest/directory.c \
	tests/unit/test-guest-directory.c
tests_unit_test_guest_directory_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_guest_directory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_test_guest_directory_LDADD = $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_cli_SOURCES = tests/unit/test-guest-cli.c
tests_unit_test_guest_cli_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_guest_cli_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_guest_cli_LDADD = $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_device_SOURCES = \
	tests/unit/guest-mem-port.c \
	tests/unit/guest-mem-port.h \
	tests/unit/test-guest-device.c
tests_unit_test_guest_device_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_guest_device_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_unit_test_guest_device_LDADD = \
	libguest.a libdiag.a libbusmem.a libusbmodel.a libutil.a \
	$(UV_LIBS) $(INIH_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_p2p_SOURCES = \
	tests/unit/guest-mem-port.c \
	tests/unit/guest-mem-port.h \
	tests/unit/test-guest-p2p.c
tests_unit_test_guest_p2p_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_guest_p2p_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_unit_test_guest_p2p_LDADD = \
	libguest.a libp2pfunction.a liblink.a libbusmem.a libusbmodel.a \
	libutil.a $(UV_LIBS) $(INIH_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_function_SOURCES = \
	tests/unit/guest-fake-port.c \
	tests/unit/guest-fake-port.h \
	tests/unit/test-guest-function.c
tests_unit_test_guest_function_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_guest_function_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_unit_test_guest_function_LDADD = \
	libguest.a $(UV_LIBS) $(INIH_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_local_SOURCES = tests/unit/test-guest-local.c
tests_unit_test_guest_local_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_unit_test_guest_local_LDADD = \
	libguest.a $(UV_LIBS) $(INIH_LIBS) $(CMOCKA_LIBS)
tests_unit_test_guest_pipe_SOURCES = tests/unit/test-guest-pipe.c
tests_unit_test_guest_pipe_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_guest_pipe_LDADD = libguest.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-guest
endif
tests_fuzz_fuzz_guest_SOURCES = tests/fuzz/fuzz-guest.c
tests_fuzz_fuzz_guest_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
tests_fuzz_fuzz_guest_LDADD = libguest.a $(UV_LIBS) $(INIH_LIBS)
tests_fuzz_fuzz_guest_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
