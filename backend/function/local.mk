# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libwebfunction.a
libwebfunction_a_CPPFLAGS = $(AM_CPPFLAGS) $(NGHTTP2_CFLAGS) $(UV_CFLAGS)
libwebfunction_a_SOURCES = \
	backend/function/web-ask.c \
	backend/function/web-conn.h \
	backend/function/web-directory-html.c \
	backend/function/web-directory-uddi.c \
	backend/function/web-directory.c \
	backend/function/web-events.c \
	backend/function/web-http1.c \
	backend/function/web-http2.c \
	backend/function/web-own.c \
	backend/function/web-page.c \
	backend/function/web-priority.c \
	backend/function/web-scan.c \
	backend/function/web-scan.h \
	backend/function/web.c \
	backend/function/web.h
# With libuddi.a, which libwebfunction.a calls.
WEB_FUNCTION_LIBS = libuddi.a $(NGHTTP2_LIBS) $(HTTP_PARSER_LIBS) $(XML_LIBS)

noinst_LIBRARIES += libdiag.a
libdiag_a_SOURCES = \
	backend/function/diag.c \
	backend/function/diag.h

noinst_LIBRARIES += libcharfunction.a
libcharfunction_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
libcharfunction_a_SOURCES = \
	backend/function/char.c \
	backend/function/char.h

noinst_LIBRARIES += libuddi.a
libuddi_a_CPPFLAGS = $(AM_CPPFLAGS) $(XML_CFLAGS)
libuddi_a_SOURCES = \
	backend/function/uddi-parse.c \
	backend/function/uddi.c \
	backend/function/uddi.h

noinst_LIBRARIES += liblibvirtfunction.a
liblibvirtfunction_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
liblibvirtfunction_a_SOURCES = \
	backend/function/libvirt.c \
	backend/function/libvirt.h

noinst_LIBRARIES += libp2pfunction.a
libp2pfunction_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
libp2pfunction_a_SOURCES = \
	backend/function/p2p.c \
	backend/function/p2p.h

noinst_LIBRARIES += libncmfunction.a
libncmfunction_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
libncmfunction_a_SOURCES = \
	backend/function/ncm.c \
	backend/function/ncm.h \
	backend/function/ncm_control.c \
	backend/function/ncm_describe.c \
	backend/function/ncm_internal.h \
	backend/function/ncm_ntb.c \
	backend/function/ncm_ntb.h
