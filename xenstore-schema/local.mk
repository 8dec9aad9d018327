# SPDX-License-Identifier: GPL-2.0-or-later
# The schema of XenStore: a library without Xen, the reader of a live store,
# and the tool.
noinst_LIBRARIES += libschema.a libschemalive.a
libschema_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS)
libschema_a_SOURCES = \
	xenstore-schema/check.c \
	xenstore-schema/doc.c \
	xenstore-schema/dump.c \
	xenstore-schema/internal.h \
	xenstore-schema/load.c \
	xenstore-schema/match.c \
	xenstore-schema/schema.h \
	xenstore-schema/snapshot.c \
	xenstore-schema/snapshot.h \
	xenstore-schema/value.c
nodist_libschema_a_SOURCES = xenstore-schema/text.c
libschemalive_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(XENSTORE_CFLAGS)
libschemalive_a_SOURCES = \
	xenstore-schema/live.c \
	xenstore-schema/live.h
SCHEMA_LIBS = libschema.a $(JANSSON_LIBS)

EXTRA_DIST += xenstore-schema/README.md
CLEANFILES += xenstore-schema/text.c
xenstore-schema/text.c: xenstore-schema/2virt.json
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
		echo '#include "xenstore-schema/internal.h"'; \
		echo 'const char schema_text[] ='; \
		$(SED) -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' \
			$(srcdir)/xenstore-schema/2virt.json; \
		echo ';'; } > $@

bin_PROGRAMS += 2virt-schema
2virt_schema_SOURCES = xenstore-schema/main.c
2virt_schema_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) \
	$(XENSTORE_CFLAGS) -DSCHEMA_VERSION='"$(VERSION)"'
2virt_schema_LDADD = libschemalive.a $(SCHEMA_LIBS) $(XENSTORE_LIBS)
dist_man_MANS += docs/2virt-schema.1
schemadir = $(datadir)/2virt
dist_schema_DATA = xenstore-schema/2virt.json
EXTRA_DIST += docs/xenstore.md

EXTRA_DIST += tests/schema
if HAVE_CMOCKA
SCHEMA_TESTS = \
	tests/unit/test-schema \
	tests/unit/test-schema-daemon \
	tests/unit/test-schema-live
check_PROGRAMS += $(SCHEMA_TESTS)
TESTS += $(SCHEMA_TESTS)
endif
tests_unit_test_schema_SOURCES = tests/unit/test-schema.c
tests_unit_test_schema_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSCHEMA_GOLDEN='"$(abs_top_srcdir)/tests/schema"' \
	-DSCHEMA_DOC='"$(abs_top_srcdir)/docs/xenstore.md"'
tests_unit_test_schema_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_schema_LDADD = $(SCHEMA_LIBS) libpolicy.a libdaemon.a \
	$(CMOCKA_LIBS)
tests_unit_test_schema_daemon_SOURCES = tests/unit/test-schema-daemon.c \
	tests/unit/daemon_bed.c
tests_unit_test_schema_daemon_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DBUILDDIR='"$(abs_top_builddir)"' $(XENSTORE_CFLAGS)
tests_unit_test_schema_daemon_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_schema_daemon_LDADD = libschemalive.a $(SCHEMA_LIBS) \
	$(FAKE_XEN_LIBS) $(CMOCKA_LIBS)
tests_unit_test_schema_live_SOURCES = tests/unit/test-schema-live.c
tests_unit_test_schema_live_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE \
	-DSCHEMA_TOOL='"$(abs_top_builddir)/2virt-schema"'
tests_unit_test_schema_live_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_schema_live_LDADD = libschemalive.a $(SCHEMA_LIBS) \
	$(FAKE_XEN_LIBS) $(CMOCKA_LIBS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz-schema
endif
tests_fuzz_fuzz_schema_SOURCES = tests/fuzz/fuzz-schema.c
tests_fuzz_fuzz_schema_LDADD = $(SCHEMA_LIBS)
tests_fuzz_fuzz_schema_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
