# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += docs/api.md docs/management.md
EXTRA_DIST += docs/design.md
EXTRA_DIST += docs/device.md
EXTRA_DIST += docs/ring.md
EXTRA_DIST += docs/security.md
EXTRA_DIST += docs/usbip.md
EXTRA_DIST += docs/web.md docs/directory.md
EXTRA_DIST += docs/libvirt.md
EXTRA_DIST += docs/p2m.md docs/p2p.md
EXTRA_DIST += docs/xl.md
EXTRA_DIST += docs/qemu.md docs/providers.md
EXTRA_DIST += docs/box2virt.md docs/images/box2virt.png
