# SPDX-License-Identifier: GPL-2.0-or-later
# Point to point: links between two processes, and the p2p function.
# What the conformance cases plug in, on every bus.
CONFORMANCE_LIBS = libp2pfunction.a liblink.a libusbmodel.a libutil.a \
	$(UV_LIBS) $(CMOCKA_LIBS)

LINK_TESTS = \
	tests/unit/test-link \
	tests/unit/test-link-processes \
	tests/unit/test-link-state \
	tests/unit/test-p2p
if HAVE_CMOCKA
check_PROGRAMS += $(LINK_TESTS)
TESTS += $(LINK_TESTS)
endif
link_test_cppflags = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
link_test_libs = liblink.a libutil.a $(UV_LIBS) $(CMOCKA_LIBS)
tests_unit_test_link_SOURCES = tests/unit/test-link.c
tests_unit_test_link_CPPFLAGS = $(link_test_cppflags)
tests_unit_test_link_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_link_LDADD = $(link_test_libs)
tests_unit_test_link_processes_SOURCES = tests/unit/test-link-processes.c
tests_unit_test_link_processes_CPPFLAGS = $(link_test_cppflags)
tests_unit_test_link_processes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_link_processes_LDADD = $(link_test_libs)
tests_unit_test_link_state_SOURCES = tests/unit/test-link-state.c
tests_unit_test_link_state_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_link_state_LDADD = $(link_test_libs)
tests_unit_test_p2p_SOURCES = tests/unit/test-p2p.c
tests_unit_test_p2p_CPPFLAGS = $(link_test_cppflags)
tests_unit_test_p2p_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_p2p_LDADD = libp2pfunction.a liblink.a libbusmem.a \
	libusbmodel.a libutil.a $(UV_LIBS) $(CMOCKA_LIBS)
