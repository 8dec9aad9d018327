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
