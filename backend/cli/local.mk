# SPDX-License-Identifier: GPL-2.0-or-later
sbin_PROGRAMS += 2virt
2virt_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(CURL_CFLAGS) \
	$(JANSSON_CFLAGS) \
	-DPOLICY_FOLDER='"$(sysconfdir)/2virt/policy.d"' \
	-DDOMAINS_FOLDER='"$(sysconfdir)/2virt/domains.d"'
2virt_SOURCES = \
	backend/cli/capture.c \
	backend/cli/capture.h \
	backend/cli/change.c \
	backend/cli/cli.h \
	backend/cli/client.c \
	backend/cli/client.h \
	backend/cli/main.c \
	backend/cli/policy.c \
	backend/cli/show.c \
	backend/cli/stream.c \
	backend/cli/table.c \
	backend/cli/table.h
2virt_LDADD = libpolicy.a libutil.a $(CURL_LIBS) $(JANSSON_LIBS)

dist_man_MANS += docs/2virt.8
EXTRA_DIST += backend/cli/2virt.bash
# bash looks for a file of the command's name.
bash_completiondir = $(datarootdir)/bash-completion/completions
nodist_bash_completion_DATA = backend/cli/2virt.completion/2virt
CLEANFILES += backend/cli/2virt.completion/2virt
backend/cli/2virt.completion/2virt: backend/cli/2virt.bash
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $(srcdir)/backend/cli/2virt.bash $@

TESTS += tests/unit/test-cli-completion tests/unit/test-cli-options
EXTRA_DIST += tests/unit/test-cli-completion tests/unit/test-cli-options
