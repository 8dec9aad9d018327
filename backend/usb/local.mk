# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LIBRARIES += libusbmodel.a
libusbmodel_a_SOURCES = \
	backend/usb/descriptor.c \
	backend/usb/descriptor.h \
	backend/usb/device.c \
	backend/usb/device.h \
	backend/usb/function.h \
	backend/usb/pipe.c \
	backend/usb/pipe.h \
	backend/usb/xfer.c \
	backend/usb/xfer.h
