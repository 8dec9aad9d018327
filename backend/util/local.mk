# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libutil.a
libutil_a_SOURCES = \
	backend/util/list.h \
	backend/util/log.c \
	backend/util/log.h \
	backend/util/sha256.c \
	backend/util/sha256.h \
	backend/util/stdio.c \
	backend/util/stdio.h
