# SPDX-License-Identifier: MIT
noinst_HEADERS += \
	protocol/front.h \
	protocol/pipe.h \
	protocol/usbif.h
