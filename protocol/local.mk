# SPDX-License-Identifier: MIT
noinst_HEADERS += \
	protocol/pipe.h \
	protocol/usbif.h
