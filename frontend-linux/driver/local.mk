# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module is built by Kbuild (README.md); here it is packed for DKMS
# and its plain C is tested.

hcd_sources = \
	frontend-linux/driver/Kbuild \
	frontend-linux/driver/Makefile \
	frontend-linux/driver/README.md \
	frontend-linux/driver/bounce.c \
	frontend-linux/driver/conn.c \
	frontend-linux/driver/core.h \
	frontend-linux/driver/hcd.c \
	frontend-linux/driver/hub.c \
	frontend-linux/driver/main.c \
	frontend-linux/driver/port.h \
	frontend-linux/driver/ring.c \
	frontend-linux/driver/tv_hcd.h \
	frontend-linux/driver/urb.c \
	frontend-linux/driver/xenbus.c

EXTRA_DIST += $(hcd_sources) \
	frontend-linux/driver/.clang-format \
	frontend-linux/driver/dkms.conf.in

dkmsdir = $(prefix)/src/2virt-hcd-$(VERSION)
dkms_DATA = $(hcd_sources) frontend-linux/driver/dkms.conf
dkmsprotocoldir = $(dkmsdir)/protocol
dkmsprotocol_DATA = protocol/front.h protocol/usbif.h

frontend-linux/driver/dkms.conf: frontend-linux/driver/dkms.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(SED) 's/@''VERSION@/$(VERSION)/' \
		$(srcdir)/frontend-linux/driver/dkms.conf.in > $@
CLEANFILES += frontend-linux/driver/dkms.conf

# Only the DKMS copy: make install-dkms DESTDIR=...
install-dkms: $(dkms_DATA) install-dkmsDATA install-dkmsprotocolDATA
.PHONY: install-dkms

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-hcd-core
TESTS += tests/unit/test-hcd-core
tests_unit_test_hcd_core_SOURCES = tests/unit/test-hcd-core.c
tests_unit_test_hcd_core_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_test_hcd_core_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_hcd_core_LDADD = $(CMOCKA_LIBS)
endif

# Programs of the bed's case "driver".
noinst_PROGRAMS += tests/xen/tools/bad-backend tests/xen/tools/usb-check
tests_xen_tools_bad_backend_SOURCES = tests/xen/tools/bad-backend.c
tests_xen_tools_bad_backend_CPPFLAGS = $(AM_CPPFLAGS) $(XENSTORE_CFLAGS) \
	$(XENGNTTAB_CFLAGS) $(XENEVTCHN_CFLAGS)
tests_xen_tools_bad_backend_LDADD = $(XENSTORE_LIBS) $(XENGNTTAB_LIBS) \
	$(XENEVTCHN_LIBS)
tests_xen_tools_usb_check_SOURCES = tests/xen/tools/usb-check.c
EXTRA_DIST += tests/xen/cases/driver.sh
