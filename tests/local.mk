# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += tests/README.md tests/check-layers tests/check-promises \
	tests/with-deadline tests/fuzz/corpus
# The longest takes a minute on a quiet machine.
LOG_COMPILER = $(top_srcdir)/tests/with-deadline
AM_LOG_FLAGS = 400
TESTS += tests/check-promises

noinst_HEADERS += \
	tests/conformance/host.h \
	tests/conformance/peer.h \
	tests/conformance/socket.h

if HAVE_CMOCKA
check_PROGRAMS += tests/conformance/conformance-mem
TESTS += tests/conformance/conformance-mem
endif
tests_conformance_conformance_mem_SOURCES = \
	tests/conformance/cases.c \
	tests/conformance/mem.c \
	tests/conformance/peer.c
tests_conformance_conformance_mem_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_conformance_conformance_mem_LDADD = \
	libbusmem.a $(CONFORMANCE_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-pipe
endif
tests_fuzz_fuzz_pipe_SOURCES = tests/fuzz/fuzz-pipe.c
tests_fuzz_fuzz_pipe_LDADD = libbusmem.a libusbmodel.a libutil.a
tests_fuzz_fuzz_pipe_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-diag
TESTS += tests/unit/test-diag
endif
tests_unit_test_diag_SOURCES = tests/unit/test-diag.c
tests_unit_test_diag_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_diag_LDADD = \
	libdiag.a libbusmem.a libusbmodel.a libutil.a $(CMOCKA_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/conformance/conformance-xen
TESTS += tests/conformance/conformance-xen
endif
tests_conformance_conformance_xen_SOURCES = \
	tests/conformance/cases.c \
	tests/conformance/host.c \
	tests/conformance/peer.c \
	tests/conformance/xen.c
tests_conformance_conformance_xen_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	$(XENSTORE_CFLAGS) $(UV_CFLAGS)
tests_conformance_conformance_xen_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_conformance_conformance_xen_LDADD = \
	libbusxen.a libxenring.a $(CONFORMANCE_LIBS) $(FAKE_XEN_LIBS)

include $(top_srcdir)/tests/daemon.mk

include $(top_srcdir)/tests/buses.mk
include $(top_srcdir)/tests/web.mk
include $(top_srcdir)/tests/libvirt.mk

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-pipe-reentry
TESTS += tests/unit/test-pipe-reentry
endif
tests_unit_test_pipe_reentry_SOURCES = tests/unit/test-pipe-reentry.c
tests_unit_test_pipe_reentry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pipe_reentry_LDADD = libusbmodel.a libutil.a $(CMOCKA_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-xen-handles
TESTS += tests/unit/test-xen-handles
endif
tests_unit_test_xen_handles_SOURCES = tests/unit/test-xen-handles.c
tests_unit_test_xen_handles_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	$(XENSTORE_CFLAGS)
tests_unit_test_xen_handles_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_xen_handles_LDADD = \
	libxenring.a libutil.a $(FAKE_XEN_LIBS) $(CMOCKA_LIBS)

include $(top_srcdir)/tests/links.mk
