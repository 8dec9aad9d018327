# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The daemon ends and starts again under a running guest: the device goes and
# comes back with no help from the guest's user.
# timeout: 180

start_web
start_2virtd
web_guest g pvh
stop_2virtd
start_2virtd
wait_web g 40
xl_clean destroy g
