# SPDX-License-Identifier: GPL-2.0-or-later
# The libvirt function: units here, stock clients in tests/libvirt/run.

check_PROGRAMS += tests/libvirt/relay
tests_libvirt_relay_SOURCES = tests/libvirt/relay.c
tests_libvirt_relay_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_libvirt_relay_LDADD = liblibvirtservice.a libcharservice.a \
	libbussocket.a libutil.a $(UV_LIBS)

LIBVIRT_TESTS = tests/unit/test-libvirt tests/unit/test-libvirt-xml
if HAVE_CMOCKA
check_PROGRAMS += $(LIBVIRT_TESTS)
TESTS += $(LIBVIRT_TESTS)
endif
noinst_HEADERS += tests/unit/libvirt_bed.h
tests_unit_test_libvirt_SOURCES = tests/unit/test-libvirt.c \
	tests/unit/libvirt_bed.c
tests_unit_test_libvirt_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_libvirt_LDADD = liblibvirtservice.a $(CMOCKA_LIBS)
tests_unit_test_libvirt_xml_SOURCES = tests/unit/test-libvirt-xml.c
tests_unit_test_libvirt_xml_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_libvirt_xml_LDADD = liblibvirtservice.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-libvirt tests/fuzz/fuzz-libvirt-xml
endif
tests_fuzz_fuzz_libvirt_SOURCES = tests/fuzz/fuzz-libvirt.c \
	tests/unit/libvirt_bed.c
tests_fuzz_fuzz_libvirt_LDADD = liblibvirtservice.a
tests_fuzz_fuzz_libvirt_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_libvirt_xml_SOURCES = tests/fuzz/fuzz-libvirt-xml.c
tests_fuzz_fuzz_libvirt_xml_LDADD = liblibvirtservice.a
tests_fuzz_fuzz_libvirt_xml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

EXTRA_DIST += tests/libvirt/run tests/libvirt/polkit tests/libvirt/rpc.py \
	tests/libvirt/daemon.py tests/libvirt/guest.py \
	tests/libvirt/leaks.py tests/libvirt/usbip_guest.py
