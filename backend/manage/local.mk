# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libmanage.a
libmanage_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS) \
	$(JANSSON_CFLAGS)
libmanage_a_SOURCES = \
	backend/manage/answer.c \
	backend/manage/answer.h \
	backend/manage/change.c \
	backend/manage/connection.c \
	backend/manage/connection.h \
	backend/manage/explain.c \
	backend/manage/find.c \
	backend/manage/later.c \
	backend/manage/manage.h \
	backend/manage/request.c \
	backend/manage/request.h \
	backend/manage/route.c \
	backend/manage/route.h \
	backend/manage/rules.c \
	backend/manage/rules.h \
	backend/manage/save.c \
	backend/manage/save.h \
	backend/manage/server.c \
	backend/manage/server.h \
	backend/manage/stats.c \
	backend/manage/stream.c \
	backend/manage/tail.c \
	backend/manage/tail.h \
	backend/manage/view.c
MANAGE_LIBS = $(UV_LIBS) $(JANSSON_LIBS) $(HTTP_PARSER_LIBS)

MANAGE_TESTS = tests/unit/test-manage tests/unit/test-manage-server
if HAVE_CMOCKA
check_PROGRAMS += $(MANAGE_TESTS)
TESTS += $(MANAGE_TESTS)
endif
noinst_HEADERS += tests/unit/manage_fake.h
manage_test_cppflags = $(AM_CPPFLAGS) -D_GNU_SOURCE $(UV_CFLAGS) \
	$(JANSSON_CFLAGS) -DSRCDIR='"$(abs_top_srcdir)"'
manage_test_libs = libmanage.a libpolicy.a libutil.a $(MANAGE_LIBS)
tests_unit_test_manage_SOURCES = tests/unit/test-manage.c \
	tests/unit/manage_fake.c
tests_unit_test_manage_CPPFLAGS = $(manage_test_cppflags)
tests_unit_test_manage_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_manage_LDADD = $(manage_test_libs) $(CMOCKA_LIBS)
tests_unit_test_manage_server_SOURCES = tests/unit/test-manage-server.c \
	tests/unit/manage_fake.c
tests_unit_test_manage_server_CPPFLAGS = $(manage_test_cppflags)
tests_unit_test_manage_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_manage_server_LDADD = $(manage_test_libs) $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-manage
endif
tests_fuzz_fuzz_manage_SOURCES = tests/fuzz/fuzz-manage.c \
	tests/unit/manage_fake.c
tests_fuzz_fuzz_manage_CPPFLAGS = $(manage_test_cppflags)
tests_fuzz_fuzz_manage_LDADD = $(manage_test_libs)
tests_fuzz_fuzz_manage_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
