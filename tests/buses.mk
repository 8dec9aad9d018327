# SPDX-License-Identifier: GPL-2.0-or-later
# Buses of sockets, the char function, captures.

if HAVE_CMOCKA
check_PROGRAMS += tests/conformance/conformance-usbip
TESTS += tests/conformance/conformance-usbip
endif
tests_conformance_conformance_usbip_SOURCES = \
	tests/conformance/cases.c \
	tests/conformance/host.c \
	tests/conformance/peer.c \
	tests/conformance/socket.c \
	tests/conformance/usbip.c
tests_conformance_conformance_usbip_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
tests_conformance_conformance_usbip_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_conformance_conformance_usbip_LDADD = \
	libbussocket.a $(CONFORMANCE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/conformance/conformance-usbredir
TESTS += tests/conformance/conformance-usbredir
endif
tests_conformance_conformance_usbredir_SOURCES = \
	tests/conformance/cases.c \
	tests/conformance/host.c \
	tests/conformance/peer.c \
	tests/conformance/socket.c \
	tests/conformance/usbredir.c
tests_conformance_conformance_usbredir_CPPFLAGS = $(AM_CPPFLAGS) \
	$(UV_CFLAGS) $(USBREDIR_CFLAGS)
tests_conformance_conformance_usbredir_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_conformance_conformance_usbredir_LDADD = \
	libdiag.a libbususbredir.a libbussocket.a $(CONFORMANCE_LIBS) $(USBREDIR_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-char
TESTS += tests/unit/test-char
endif
tests_unit_test_char_SOURCES = tests/unit/test-char.c
tests_unit_test_char_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_unit_test_char_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_char_LDADD = \
	libcharfunction.a libcharservice.a libbusmem.a libusbmodel.a \
	libutil.a $(UV_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-capture
TESTS += tests/unit/test-capture
endif
tests_unit_test_capture_SOURCES = \
	tests/conformance/peer.c \
	tests/unit/test-capture.c
tests_unit_test_capture_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_capture_LDADD = \
	libcapture.a libbusmem.a libusbmodel.a libutil.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-usbip tests/fuzz/fuzz-usbredir
endif
tests_fuzz_fuzz_usbip_SOURCES = tests/fuzz/fuzz-usbip.c
tests_fuzz_fuzz_usbip_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_fuzz_fuzz_usbip_LDADD = libdiag.a libbussocket.a libusbmodel.a \
	libutil.a $(UV_LIBS)
tests_fuzz_fuzz_usbip_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_usbredir_SOURCES = tests/fuzz/fuzz-usbredir.c
tests_fuzz_fuzz_usbredir_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS) \
	$(USBREDIR_CFLAGS)
tests_fuzz_fuzz_usbredir_LDADD = libdiag.a libbususbredir.a libbussocket.a \
	libusbmodel.a libutil.a $(USBREDIR_LIBS) $(UV_LIBS)
tests_fuzz_fuzz_usbredir_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-standalone
TESTS += tests/unit/test-standalone
endif
tests_unit_test_standalone_SOURCES = tests/unit/test-standalone.c
tests_unit_test_standalone_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DBUILDDIR='"$(abs_top_builddir)"'
tests_unit_test_standalone_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_standalone_LDADD = $(CMOCKA_LIBS)

EXTRA_DIST += tests/qemu/README.md tests/qemu/run tests/qemu/machine.sh \
	tests/qemu/lib/case.sh tests/qemu/lib/clean-up tests/qemu/lib/guest.sh \
	tests/qemu/cases/char-link.sh \
	tests/qemu/cases/composite.sh \
	tests/qemu/cases/enumeration.sh \
	tests/qemu/cases/main-job.sh \
	tests/qemu/cases/provider.sh \
	tests/qemu/cases/replug.sh \
	tests/qemu/cases/restart.sh
