# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libxenring.a
libxenring_a_CPPFLAGS = $(AM_CPPFLAGS) $(XENGNTTAB_CFLAGS) $(XENEVTCHN_CFLAGS)
libxenring_a_SOURCES = \
	backend/xen/event.c \
	backend/xen/event.h \
	backend/xen/grant.c \
	backend/xen/grant.h \
	backend/xen/journal.c \
	backend/xen/journal.h \
	backend/xen/ring.c \
	backend/xen/ring.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test-ring \
	tests/unit/test-ring-journal
TESTS += \
	tests/unit/test-ring \
	tests/unit/test-ring-journal
endif
tests_unit_test_ring_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ring_LDADD = libxenring.a $(CMOCKA_LIBS)
tests_unit_test_ring_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ring_journal_LDADD = libxenring.a $(CMOCKA_LIBS)
