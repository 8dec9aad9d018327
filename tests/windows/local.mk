# SPDX-License-Identifier: GPL-2.0-or-later
# The Windows frontend's portable core, tested natively, and the Linux side of
# the tests under Wine (tests/windows/run; ./run-tests windows).
noinst_HEADERS += tests/windows/wire.h
EXTRA_DIST += \
	tests/windows/Makefile \
	tests/windows/run \
	tests/windows/win-install.c \
	tests/windows/win-test.c \
	tests/windows/xensim.inf \
	tests/windows/xensim

if HAVE_CMOCKA
check_PROGRAMS += tests/windows/win-bed
endif
tests_windows_win_bed_SOURCES = tests/windows/win-bed.c tests/unit/daemon_bed.c
tests_windows_win_bed_CPPFLAGS = $(tests_unit_test_daemon_CPPFLAGS)
tests_windows_win_bed_LDADD = $(FAKE_XEN_LIBS)

win_core_sources = \
	frontend-windows/core/conn.c \
	frontend-windows/core/descriptor.c \
	frontend-windows/core/descriptor.h \
	frontend-windows/core/hcd.c \
	frontend-windows/core/hcd.h \
	frontend-windows/core/id.c \
	frontend-windows/core/id.h \
	frontend-windows/core/list.h \
	frontend-windows/core/ring.c \
	frontend-windows/core/setup.c \
	frontend-windows/core/setup.h \
	frontend-windows/core/stream.c \
	frontend-windows/core/stream.h \
	frontend-windows/core/urb.c
check_LIBRARIES += tests/windows/libwincore.a
tests_windows_libwincore_a_SOURCES = $(win_core_sources)

if HAVE_CMOCKA
check_PROGRAMS += tests/windows/test-win-hcd tests/windows/test-win-usb
TESTS += tests/windows/test-win-hcd tests/windows/test-win-usb
endif
tests_windows_test_win_hcd_SOURCES = tests/windows/test-win-hcd.c
tests_windows_test_win_hcd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_windows_test_win_hcd_LDADD = tests/windows/libwincore.a $(CMOCKA_LIBS)
tests_windows_test_win_usb_SOURCES = tests/windows/test-win-usb.c
tests_windows_test_win_usb_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_windows_test_win_usb_LDADD = tests/windows/libwincore.a $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-win-hcd tests/fuzz/fuzz-win-usb
endif
tests_fuzz_fuzz_win_hcd_SOURCES = tests/fuzz/fuzz-win-hcd.c
tests_fuzz_fuzz_win_hcd_LDADD = tests/windows/libwincore.a
tests_fuzz_fuzz_win_hcd_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_win_usb_SOURCES = tests/fuzz/fuzz-win-usb.c
tests_fuzz_fuzz_win_usb_LDADD = tests/windows/libwincore.a
tests_fuzz_fuzz_win_usb_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
