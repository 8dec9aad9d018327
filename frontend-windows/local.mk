# SPDX-License-Identifier: MIT
# The drivers are built by mingw-w64 (Makefile); here they are packed, and their
# portable core is tested natively.
EXTRA_DIST += \
	frontend-windows/Makefile \
	frontend-windows/lib \
	frontend-windows/package \
	frontend-windows/usb2virt \
	frontend-windows/xen2virt
