# SPDX-License-Identifier: GPL-2.0-or-later
# Point to point: links between two processes, and the p2p function.
# What the conformance cases plug in, on every bus.
CONFORMANCE_LIBS = libp2pfunction.a liblink.a libncmfunction.a libusbmodel.a libutil.a \
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

# Point to multi: frames, transfer blocks, the network card, TAPs.
NETWORK_TESTS = \
	tests/unit/test-frame-filter \
	tests/unit/test-ncm \
	tests/unit/test-ncm-ntb \
	tests/unit/test-network
if HAVE_CMOCKA
check_PROGRAMS += $(NETWORK_TESTS)
TESTS += $(NETWORK_TESTS)
endif
tests_unit_test_frame_filter_SOURCES = tests/unit/test-frame-filter.c
tests_unit_test_frame_filter_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_frame_filter_LDADD = libframe.a libutil.a $(CMOCKA_LIBS)
tests_unit_test_ncm_SOURCES = tests/unit/test-ncm.c
tests_unit_test_ncm_CPPFLAGS = $(link_test_cppflags)
tests_unit_test_ncm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ncm_LDADD = libncmfunction.a libframe.a libbusmem.a \
	libusbmodel.a libutil.a $(UV_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ncm_ntb_SOURCES = tests/unit/test-ncm-ntb.c
tests_unit_test_ncm_ntb_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ncm_ntb_LDADD = libncmfunction.a $(CMOCKA_LIBS)
tests_unit_test_network_SOURCES = tests/unit/test-network.c
tests_unit_test_network_CPPFLAGS = $(link_test_cppflags)
tests_unit_test_network_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_network_LDADD = libnetwork.a libframe.a libutil.a $(UV_LIBS) \
	$(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-frame tests/fuzz/fuzz-ncm
endif
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz-frame.c
tests_fuzz_fuzz_frame_LDADD = libframe.a libutil.a
tests_fuzz_fuzz_frame_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ncm_SOURCES = tests/fuzz/fuzz-ncm.c
tests_fuzz_fuzz_ncm_LDADD = libncmfunction.a
tests_fuzz_fuzz_ncm_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
