# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libdaemon.a

# Paths as configured, for the defaults of options.
daemon_cppflags = $(AM_CPPFLAGS) \
	-DSYSCONFDIR='"$(sysconfdir)"' \
	-DPKGLIBEXECDIR='"$(pkglibexecdir)"' \
	-DLOCALSTATEDIR='"$(localstatedir)"'

# What broker and device process share, and what tests look into.
libdaemon_a_CPPFLAGS = $(AM_CPPFLAGS) $(XENSTORE_CFLAGS) $(XENCTRL_CFLAGS) \
	$(UV_CFLAGS) $(INIH_CFLAGS) $(JANSSON_CFLAGS)
libdaemon_a_SOURCES = \
	backend/daemon/ask.c \
	backend/daemon/ask.h \
	backend/daemon/audit.c \
	backend/daemon/audit.h \
	backend/daemon/broker.c \
	backend/daemon/broker.h \
	backend/daemon/control.c \
	backend/daemon/control.h \
	backend/daemon/control_change.c \
	backend/daemon/control_internal.h \
	backend/daemon/control_stats.c \
	backend/daemon/control_xl.c \
	backend/daemon/control_xl.h \
	backend/daemon/controller.c \
	backend/daemon/controller.h \
	backend/daemon/controller_state.c \
	backend/daemon/controller_state.h \
	backend/daemon/domain.c \
	backend/daemon/domain.h \
	backend/daemon/domain_id.c \
	backend/daemon/domain_id.h \
	backend/daemon/domain_list.c \
	backend/daemon/domain_list.h \
	backend/daemon/domain_policy.c \
	backend/daemon/domain_policy.h \
	backend/daemon/grant_store.c \
	backend/daemon/grant_store.h \
	backend/daemon/grants.c \
	backend/daemon/grants.h \
	backend/daemon/journal_file.c \
	backend/daemon/journal_file.h \
	backend/daemon/message.c \
	backend/daemon/message.h \
	backend/daemon/notify.c \
	backend/daemon/notify.h \
	backend/daemon/paths.c \
	backend/daemon/paths.h \
	backend/daemon/plugs.c \
	backend/daemon/plugs.h \
	backend/daemon/policy_source.c \
	backend/daemon/policy_source.h \
	backend/daemon/policy_tree.c \
	backend/daemon/policy_tree.h \
	backend/daemon/process.c \
	backend/daemon/process.h \
	backend/daemon/registry.c \
	backend/daemon/registry.h \
	backend/daemon/services.c \
	backend/daemon/services.h \
	backend/daemon/store.c \
	backend/daemon/store.h \
	backend/daemon/xl_attach.c \
	backend/daemon/xl_attach.h \
	backend/daemon/xl_config.c \
	backend/daemon/xl_config.h \
	backend/daemon/xl_domain.c \
	backend/daemon/xl_domain.h \
	backend/daemon/xl_find.c

sbin_PROGRAMS += 2virtd
2virtd_CPPFLAGS = $(daemon_cppflags)
2virtd_SOURCES = backend/daemon/broker_main.c
2virtd_LDADD = libdaemon.a libmanage.a libpolicy.a libutil.a \
	$(MANAGE_LIBS) $(UV_LIBS) $(XENSTORE_LIBS) $(XENCTRL_LIBS) $(INIH_LIBS)

pkglibexec_PROGRAMS += 2virt-device
2virt_device_SOURCES = \
	backend/daemon/device.c \
	backend/daemon/device.h \
	backend/daemon/device_audit.c \
	backend/daemon/device_audit.h \
	backend/daemon/device_bus_xen.c \
	backend/daemon/device_limits.c \
	backend/daemon/device_limits.h \
	backend/daemon/device_main.c \
	backend/daemon/device_make.c \
	backend/daemon/device_make.h \
	backend/daemon/device_spec.c \
	backend/daemon/device_spec.h \
	backend/daemon/device_standalone.c \
	backend/daemon/device_standalone.h \
	backend/daemon/sandbox.c \
	backend/daemon/sandbox.h \
	backend/daemon/sandbox_calls.c \
	backend/daemon/sandbox_calls.h \
	backend/daemon/sandbox_filter.c \
	backend/daemon/sandbox_filter.h \
	backend/daemon/trim.c \
	backend/daemon/trim.h
2virt_device_CPPFLAGS = $(AM_CPPFLAGS) $(XENGNTTAB_CFLAGS) \
	$(XENEVTCHN_CFLAGS) $(UV_CFLAGS) $(CURL_CFLAGS)
2virt_device_LDADD = libdaemon.a libbusxen.a libxenring.a \
	libbususbredir.a libbussocket.a libcapture.a \
	libdiag.a libwebfunction.a libwebservice.a \
	libp2pfunction.a liblink.a libncmfunction.a libframe.a \
	liblibvirtfunction.a liblibvirtservice.a \
	libcharfunction.a libcharservice.a libusbmodel.a libutil.a \
	$(XENGNTTAB_LIBS) $(XENEVTCHN_LIBS) $(WEB_FUNCTION_LIBS) \
	$(WEB_SERVICE_LIBS) $(USBREDIR_LIBS)

EXTRA_DIST += backend/daemon/2virtd.service.in docs/services.md
dist_man_MANS += docs/2virtd.8 docs/2virt-device.8
daemon_exampledir = $(docdir)/services.d
dist_daemon_example_DATA = docs/services.d/example.conf

daemon_unitdir = $(systemdsystemunitdir)
nodist_daemon_unit_DATA = backend/daemon/2virtd.service
CLEANFILES += backend/daemon/2virtd.service
backend/daemon/2virtd.service: backend/daemon/2virtd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) 's|@sbindir[@]|$(sbindir)|g' \
		$(srcdir)/backend/daemon/2virtd.service.in > $@
