# SPDX-License-Identifier: GPL-2.0-or-later
# The libvirt function: units here, stock clients in tests/libvirt/run.
LIBVIRT_LIBS_OF_OURS = liblibvirtservice.a libcharservice.a libutil.a

check_PROGRAMS += tests/libvirt/relay
tests_libvirt_relay_SOURCES = tests/libvirt/relay.c
tests_libvirt_relay_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_libvirt_relay_LDADD = liblibvirtservice.a libcharservice.a \
	libbussocket.a libutil.a $(UV_LIBS)
