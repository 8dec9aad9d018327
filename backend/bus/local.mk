# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libbusmem.a libbusxen.a
libbusmem_a_SOURCES = \
	backend/bus/bus.h \
	backend/bus/mem.c \
	backend/bus/mem.h

libbusxen_a_CPPFLAGS = $(AM_CPPFLAGS) $(XENGNTTAB_CFLAGS) $(XENEVTCHN_CFLAGS) \
	$(UV_CFLAGS)
libbusxen_a_SOURCES = \
	backend/bus/bus.h \
	backend/bus/xen.c \
	backend/bus/xen.h \
	backend/bus/xen_conn.c \
	backend/bus/xen_data.c \
	backend/bus/xen_internal.h \
	backend/bus/xen_pool.c \
	backend/bus/xen_pool.h \
	backend/bus/xen_request.c \
	backend/bus/xen_request.h \
	backend/bus/xen_urb.c

noinst_LIBRARIES += libcapture.a
libcapture_a_SOURCES = \
	backend/bus/capture.c \
	backend/bus/capture.h

# Buses of sockets.
noinst_LIBRARIES += libbussocket.a
libbussocket_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
libbussocket_a_SOURCES = \
	backend/bus/address.c \
	backend/bus/address.h \
	backend/bus/attach.c \
	backend/bus/attach.h \
	backend/bus/bus.h \
	backend/bus/capture_socket.c \
	backend/bus/capture_socket.h \
	backend/bus/inquiry.c \
	backend/bus/inquiry.h \
	backend/bus/usbip.c \
	backend/bus/usbip.h \
	backend/bus/usbip_conn.c \
	backend/bus/usbip_internal.h \
	backend/bus/usbip_wire.h

noinst_LIBRARIES += libbususbredir.a
libbususbredir_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS) \
	$(USBREDIR_CFLAGS)
libbususbredir_a_SOURCES = \
	backend/bus/usbredir.c \
	backend/bus/usbredir.h \
	backend/bus/usbredir_internal.h \
	backend/bus/usbredir_peer.c

# The bus with tiny Xen in place of the Xen libraries.
check_LIBRARIES += libxenbench.a
libxenbench_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
libxenbench_a_SOURCES = \
	tests/unit/probe.c \
	tests/unit/probe.h \
	tests/unit/tiny-front.c \
	tests/unit/tiny-front.h \
	tests/unit/tiny-xen.c \
	tests/unit/tiny-xen.h \
	tests/unit/xen-bench.c \
	tests/unit/xen-bench.h

xen_bus_libs = libbusxen.a libxenring.a libusbmodel.a libutil.a

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test-bus-xen \
	tests/unit/test-bus-xen-crash \
	tests/unit/test-bus-xen-request \
	tests/unit/test-bus-xen-stock
TESTS += \
	tests/unit/test-bus-xen \
	tests/unit/test-bus-xen-crash \
	tests/unit/test-bus-xen-request \
	tests/unit/test-bus-xen-stock
endif
tests_unit_test_bus_xen_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_unit_test_bus_xen_LDADD = libxenbench.a $(xen_bus_libs) \
	$(CMOCKA_LIBS) $(UV_LIBS)
tests_unit_test_bus_xen_crash_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(UV_CFLAGS)
tests_unit_test_bus_xen_crash_LDADD = libxenbench.a $(xen_bus_libs) \
	$(CMOCKA_LIBS) $(UV_LIBS)
tests_unit_test_bus_xen_request_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_bus_xen_request_LDADD = libbusxen.a $(CMOCKA_LIBS)
# The bus in a process of its own, under the faithful fake.
tests_unit_test_bus_xen_stock_SOURCES = \
	tests/unit/probe.c \
	tests/unit/test-bus-xen-stock.c
tests_unit_test_bus_xen_stock_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	$(XENSTORE_CFLAGS) $(UV_CFLAGS)
tests_unit_test_bus_xen_stock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_bus_xen_stock_LDADD = $(xen_bus_libs) $(FAKE_XEN_LIBS) \
	$(UV_LIBS) $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-usbif
endif
tests_fuzz_fuzz_usbif_SOURCES = tests/fuzz/fuzz-usbif.c
tests_fuzz_fuzz_usbif_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
tests_fuzz_fuzz_usbif_LDADD = libxenbench.a $(xen_bus_libs) $(UV_LIBS)
tests_fuzz_fuzz_usbif_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
