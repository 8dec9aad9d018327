# SPDX-License-Identifier: GPL-2.0-or-later
noinst_PROGRAMS += tests/bench/usb-bench
tests_bench_usb_bench_SOURCES = tests/bench/usb-bench.c

if HAVE_VCHAN
noinst_PROGRAMS += tests/bench/vchan-bench
endif
tests_bench_vchan_bench_SOURCES = tests/bench/vchan-bench.c
tests_bench_vchan_bench_CPPFLAGS = $(AM_CPPFLAGS) $(XENVCHAN_CFLAGS)
tests_bench_vchan_bench_LDADD = $(XENVCHAN_LIBS)

EXTRA_DIST += tests/bench/dom0.sh tests/bench/run

bench: all
	TV_BUILD=$(abs_top_builddir) $(top_srcdir)/tests/bench/run
.PHONY: bench

noinst_PROGRAMS += tests/bench/web-cpu
tests_bench_web_cpu_SOURCES = tests/bench/web-cpu.c
tests_bench_web_cpu_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS)
tests_bench_web_cpu_LDADD = libwebfunction.a libwebservice.a libutil.a \
	$(WEB_FUNCTION_LIBS) $(WEB_SERVICE_LIBS)
EXTRA_DIST += tests/bench/web-cpu.sh

noinst_PROGRAMS += tests/bench/socket-bench
tests_bench_socket_bench_SOURCES = tests/bench/socket-bench.c
tests_bench_socket_bench_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(USBREDIR_CFLAGS)
tests_bench_socket_bench_LDADD = $(USBREDIR_LIBS)
EXTRA_DIST += tests/bench/sockets.sh
