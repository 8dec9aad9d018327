# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the web function and its service.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-web-http1 tests/unit/test-web-http2 \
	tests/unit/test-web-nginx tests/unit/test-limit \
	tests/unit/test-web-path tests/unit/test-web-limit \
	tests/unit/test-web-rate tests/unit/test-web-storm \
	tests/unit/test-web-directory
TESTS += tests/unit/test-web-http1 tests/unit/test-web-http2 \
	tests/unit/test-web-nginx tests/unit/test-limit \
	tests/unit/test-web-path tests/unit/test-web-limit \
	tests/unit/test-web-rate tests/unit/test-web-storm \
	tests/unit/test-web-directory
endif
web_bed_sources = tests/unit/web-bed.c tests/unit/web-bed.h
web_bed_libs = libwebfunction.a libwebservice.a libbusmem.a libusbmodel.a \
	libutil.a $(WEB_FUNCTION_LIBS) $(WEB_SERVICE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_web_http1_SOURCES = tests/unit/test-web-http1.c \
	$(web_bed_sources)
tests_unit_test_web_http1_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_http1_LDADD = $(web_bed_libs)
tests_unit_test_web_http2_SOURCES = tests/unit/test-web-http2.c \
	$(web_bed_sources)
tests_unit_test_web_http2_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_http2_LDADD = $(web_bed_libs)
tests_unit_test_web_nginx_SOURCES = tests/unit/test-web-nginx.c \
	$(web_bed_sources)
tests_unit_test_web_nginx_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_nginx_LDADD = $(web_bed_libs)
tests_unit_test_web_directory_SOURCES = tests/unit/test-web-directory.c \
	$(web_bed_sources)
tests_unit_test_web_directory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_directory_LDADD = $(web_bed_libs)

tests_unit_test_limit_SOURCES = tests/unit/test-limit.c
tests_unit_test_limit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_limit_LDADD = libwebservice.a $(CMOCKA_LIBS)
tests_unit_test_web_path_SOURCES = tests/unit/test-web-path.c
tests_unit_test_web_path_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_path_LDADD = libwebservice.a $(CMOCKA_LIBS)
tests_unit_test_web_rate_SOURCES = tests/unit/test-web-rate.c \
	$(web_bed_sources)
tests_unit_test_web_rate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_rate_LDADD = $(web_bed_libs)
tests_unit_test_web_storm_SOURCES = tests/unit/test-web-storm.c \
	$(web_bed_sources)
tests_unit_test_web_storm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_web_storm_LDADD = $(web_bed_libs)
tests_unit_test_web_limit_SOURCES = tests/unit/test-web-limit.c \
	$(web_bed_sources)
tests_unit_test_web_limit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_test_web_limit_LDADD = $(web_bed_libs) $(JANSSON_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-http1 tests/fuzz/fuzz-http2 \
	tests/fuzz/fuzz-web-path
endif
noinst_HEADERS += tests/fuzz/web-fake.h
web_fuzz_libs = libwebfunction.a libwebservice.a libutil.a \
	$(WEB_FUNCTION_LIBS) $(WEB_SERVICE_LIBS)
tests_fuzz_fuzz_http1_SOURCES = tests/fuzz/fuzz-http1.c tests/fuzz/web-fake.c
tests_fuzz_fuzz_http1_LDADD = $(web_fuzz_libs)
tests_fuzz_fuzz_http1_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_http2_SOURCES = tests/fuzz/fuzz-http2.c tests/fuzz/web-fake.c
tests_fuzz_fuzz_http2_LDADD = $(web_fuzz_libs)
tests_fuzz_fuzz_http2_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_web_path_SOURCES = tests/fuzz/fuzz-web-path.c
tests_fuzz_fuzz_web_path_LDADD = libwebservice.a
tests_fuzz_fuzz_web_path_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-uddi
TESTS += tests/unit/test-uddi
endif
tests_unit_test_uddi_SOURCES = tests/unit/test-uddi.c
tests_unit_test_uddi_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(XML_CFLAGS)
tests_unit_test_uddi_LDADD = libuddi.a $(XML_LIBS) $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-uddi
endif
tests_fuzz_fuzz_uddi_SOURCES = tests/fuzz/fuzz-uddi.c
tests_fuzz_fuzz_uddi_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS)
tests_fuzz_fuzz_uddi_LDADD = libuddi.a $(XML_LIBS)
tests_fuzz_fuzz_uddi_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
