# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libwebservice.a
libwebservice_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(UV_CFLAGS)
libwebservice_a_SOURCES = \
	backend/service/limit.c \
	backend/service/limit.h \
	backend/service/web-answer.c \
	backend/service/web-audit.c \
	backend/service/web-buffer.c \
	backend/service/web-buffer.h \
	backend/service/web-exchange.c \
	backend/service/web-grant.c \
	backend/service/web-header.c \
	backend/service/web-internal.h \
	backend/service/web-limit.c \
	backend/service/web-link.c \
	backend/service/web-path.c \
	backend/service/web-path.h \
	backend/service/web-request.c \
	backend/service/web-service.c \
	backend/service/web-set.c \
	backend/service/web-share.c \
	backend/service/web.h
WEB_SERVICE_LIBS = $(CURL_LIBS) $(UV_LIBS) $(HTTP_PARSER_LIBS)

noinst_LIBRARIES += libcharservice.a
libcharservice_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
libcharservice_a_SOURCES = \
	backend/service/char.h \
	backend/service/char_program.c \
	backend/service/char_serial.c \
	backend/service/char_socket.c \
	backend/service/char_stream.c

# Links no libvirt: the RPC is read by code of our own.  libvirt-filter and
# what is below it are pure; libvirt-link needs libcharservice.a and libuv.
noinst_LIBRARIES += liblibvirtservice.a
liblibvirtservice_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
liblibvirtservice_a_SOURCES = \
	backend/service/libvirt-box.c \
	backend/service/libvirt-box.h \
	backend/service/libvirt-daemon.c \
	backend/service/libvirt-error.c \
	backend/service/libvirt-error.h \
	backend/service/libvirt-filter.c \
	backend/service/libvirt-filter.h \
	backend/service/libvirt-guest.c \
	backend/service/libvirt-internal.h \
	backend/service/libvirt-link.c \
	backend/service/libvirt-link.h \
	backend/service/libvirt-policy.c \
	backend/service/libvirt-policy.h \
	backend/service/libvirt-service.c \
	backend/service/libvirt-stream.c \
	backend/service/libvirt-table.c \
	backend/service/libvirt-table.h \
	backend/service/libvirt-walk.c \
	backend/service/libvirt-walk.h \
	backend/service/libvirt-xdr.c \
	backend/service/libvirt-xdr.h \
	backend/service/libvirt-xml-rules.c \
	backend/service/libvirt-xml.c \
	backend/service/libvirt-xml.h \
	backend/service/libvirt.h
EXTRA_DIST += backend/service/libvirt-table.py \
	backend/service/libvirt-classes.txt

# Point-to-point links between device processes.
noinst_LIBRARIES += liblink.a
liblink_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
liblink_a_SOURCES = \
	backend/service/link.c \
	backend/service/link.h \
	backend/service/link_internal.h \
	backend/service/link_memory.c \
	backend/service/link_memory.h \
	backend/service/link_state.c \
	backend/service/link_state.h \
	backend/service/link_stream.c

# Networks: frames of members, TAPs.
noinst_LIBRARIES += libframe.a
libframe_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
libframe_a_SOURCES = \
	backend/service/frame_filter.c \
	backend/service/frame_filter.h \
	backend/service/frame_inner.c \
	backend/service/frame_inner.h \
	backend/service/frame_port.h \
	backend/service/tap.c \
	backend/service/tap.h

# The networks themselves, for the broker.
noinst_LIBRARIES += libnetwork.a
libnetwork_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
libnetwork_a_SOURCES = \
	backend/service/netlink.c \
	backend/service/netlink.h \
	backend/service/network.c \
	backend/service/network.h
