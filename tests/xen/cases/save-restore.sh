# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# xl save and restore: the driver reconnects, the device works again.
# timeout: 240

start_web
start_2virtd
web_guest g pvh
expect_match server "$(guest_curl g http://catalog/name)" page

for round in 1 2; do
  note "save, round $round"
  xl_save_restore g
  expect_match 'Linux' "$(guest_run g uname)" "the guest goes on"
  wait_for 30 backend_is g 4
  grant g web catalog
  wait_web g
  note "works after the restore"
done
expect_no_match 'broke the protocol|BUG|WARNING' "$(guest_run g dmesg)" "kernel log of the guest"
xl_clean destroy g
