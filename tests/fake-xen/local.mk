# SPDX-License-Identifier: GPL-2.0-or-later
# Fake Xen: see tests/fake-xen/README.md.

fake_xen_headers = \
	tests/fake-xen/core.h \
	tests/fake-xen/event.h \
	tests/fake-xen/fake_xen.h \
	tests/fake-xen/guest.h \
	tests/fake-xen/guest_internal.h \
	tests/fake-xen/layout.h \
	tests/fake-xen/toolstack.h \
	tests/fake-xen/vusb_front.h \
	tests/fake-xen/vusb_ring.h \
	tests/fake-xen/xenstored.h
noinst_HEADERS += $(fake_xen_headers)

# What stands in for libxengnttab, libxenevtchn and libxenctrl.
fake_xen_libraries = \
	tests/fake-xen/core.c \
	tests/fake-xen/event.c \
	tests/fake-xen/evtchn.c \
	tests/fake-xen/fake_xen.c \
	tests/fake-xen/gnttab.c \
	tests/fake-xen/xenctrl.c

# To link tests against, in place of those libraries.
check_LIBRARIES += tests/fake-xen/libfakexen.a
tests_fake_xen_libfakexen_a_SOURCES = \
	$(fake_xen_libraries) \
	tests/fake-xen/guest.c \
	tests/fake-xen/guest_store.c \
	tests/fake-xen/toolstack.c \
	tests/fake-xen/vusb_front.c \
	tests/fake-xen/vusb_ring.c \
	tests/fake-xen/xenstored.c
tests_fake_xen_libfakexen_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DFAKE_XEN_BUILDDIR='"$(abs_top_builddir)/tests/fake-xen"'
FAKE_XEN_LIBS = tests/fake-xen/libfakexen.a $(XENSTORE_LIBS) -lpthread

# To preload: never sanitized, so that unsanitized programs take them too.
FAKE_XEN_SO = tests/fake-xen/libfakexen.so tests/fake-xen/libfakexen-xsd.so
check_SCRIPTS += $(FAKE_XEN_SO)
CLEANFILES += $(FAKE_XEN_SO)
EXTRA_DIST += tests/fake-xen/xsd_preload.c tests/fake-xen/README.md
FAKE_XEN_SO_BUILD = $(AM_V_CCLD)$(MKDIR_P) tests/fake-xen && \
	$(CC) -std=gnu11 -O2 -g -Wall -fPIC -shared -pthread -D_GNU_SOURCE \
	-I$(top_srcdir)

tests/fake-xen/libfakexen.so: $(fake_xen_libraries) $(fake_xen_headers)
	$(FAKE_XEN_SO_BUILD) -o $@ \
		$(fake_xen_libraries:%=$(top_srcdir)/%)

tests/fake-xen/libfakexen-xsd.so: tests/fake-xen/xsd_preload.c
	$(FAKE_XEN_SO_BUILD) -o $@ \
		$(top_srcdir)/tests/fake-xen/xsd_preload.c -ldl

# Built and linked as the daemons are: with the real libraries.
check_PROGRAMS += tests/fake-xen/preload-probe
tests_fake_xen_preload_probe_SOURCES = tests/fake-xen/preload-probe.c
tests_fake_xen_preload_probe_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fake_xen_preload_probe_LDADD = $(XENGNTTAB_LIBS) $(XENEVTCHN_LIBS) \
	$(XENCTRL_LIBS) $(XENSTORE_LIBS)

check_PROGRAMS += tests/fake-xen/fake-xen-run
tests_fake_xen_fake_xen_run_SOURCES = tests/fake-xen/fake-xen-run.c
tests_fake_xen_fake_xen_run_LDADD = $(FAKE_XEN_LIBS)

if HAVE_CMOCKA
FAKE_XEN_TESTS = \
	tests/fake-xen/test-fake-xen \
	tests/fake-xen/test-vusb-front
check_PROGRAMS += $(FAKE_XEN_TESTS)
TESTS += $(FAKE_XEN_TESTS)
tests_fake_xen_test_fake_xen_SOURCES = tests/fake-xen/test-fake-xen.c
tests_fake_xen_test_fake_xen_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fake_xen_test_fake_xen_LDADD = $(FAKE_XEN_LIBS) $(CMOCKA_LIBS)
tests_fake_xen_test_vusb_front_SOURCES = tests/fake-xen/test-vusb-front.c
tests_fake_xen_test_vusb_front_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_fake_xen_test_vusb_front_LDADD = $(FAKE_XEN_LIBS) $(CMOCKA_LIBS)
endif
