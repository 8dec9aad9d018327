# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += tests/packages tests/install-packages tests/xen/README.md \
	tests/xen/bed tests/xen/demo.sh \
	tests/xen/host/common.sh tests/xen/host/build.sh tests/xen/host/stage.sh \
	tests/xen/host/boot.sh tests/xen/host/cases.sh \
	tests/xen/dom0/init tests/xen/dom0/agent tests/xen/dom0/run-case tests/xen/dom0/case-shell \
	tests/xen/lib/case.sh tests/xen/lib/dom0.sh tests/xen/lib/web.sh \
	tests/xen/guest/init tests/xen/guest/agent \
	tests/xen/tools/guest-run.c \
	tests/xen/cases/boots.sh \
	tests/xen/cases/concurrency.sh \
	tests/xen/cases/daemon-restart.sh \
	tests/xen/cases/destroy-reboot.sh \
	tests/xen/cases/device-killed.sh \
	tests/xen/cases/enumeration.sh \
	tests/xen/cases/large-bodies.sh \
	tests/xen/cases/loopback-web.sh \
	tests/xen/cases/main-job.sh \
	tests/xen/cases/manage.sh \
	tests/xen/cases/policy-live.sh \
	tests/xen/cases/rate-limit.sh \
	tests/xen/cases/explain-audit.sh \
	tests/xen/cases/flood.sh \
	tests/xen/cases/replug.sh \
	tests/xen/cases/sandbox.sh \
	tests/xen/cases/save-restore.sh \
	tests/xen/cases/stopped-device.sh \
	tests/xen/cases/two-guests.sh \
	tests/xen/cases/upstream-killed.sh \
	tests/xen/cases/usbdev.sh \
	tests/xen/cases/xl-usbctrl.sh
