# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The Linux host controller driver against a backend made for it (bad-backend):
# both dialects octet by octet, cancel, save and restore, and backends that break
# the protocol: the controller is lost with one line, the guest goes on.
# timeout: 240

need bad-backend

# backend MODE [ORDER [SEGMENTS]]: serves the next controller.
backend() {
  timeout 200 bad-backend "$@" > "$state/backend.log" 2>&1 &
}

attach() {
  xl usbctrl-attach g type=pv version=2 ports=4
}

detach() {
  xl usbctrl-detach g 0
}

plugged='ls /dev/bus/usb/*/* | grep -qv /001$'
# shellcheck disable=SC2016 # for the guest's shell
device='D=$(ls /dev/bus/usb/*/* | grep -v /001$)'

transfers() {
  guest_wait g 20 "$plugged"
  guest_run g "set -e; $device
usb-check \$D read $1 12 4 $2" 60
  guest_run g "set -e; $device
for length in 1 511 4096 4097 61440 65536 100001 1048576 2100000; do
  usb-check \$D write \$length 3 2 0
  usb-check \$D write \$length 3 2 $2
done" 60
  for n in 1 14 150; do
    guest_run g "$device; usb-check \$D park $n" 60
  done
  guest_run g "$device; usb-check \$D leave 20; usb-check \$D park 3" 60
}

note "own dialect: eight pages, 512 segments"
backend none 3 512
create_guest g pvh "usbctrl=['type=pv,version=2,ports=4']"
transfers 1048576 100
expect_match '128 ring slots, 512 segments' "$(guest_run g dmesg)" "dialect"

note "save with reads parked, restore to a backend of another size"
guest_run g "$device; (usb-check \$D leave 20; usb-check \$D park 20; sleep 60) > /dev/null 2>&1 & sleep 0.5"
mark_log g
xl save g "$state/g.save" > "$state/save.log" 2>&1
backend none 2 64
xl restore "$state/g.save" > "$state/restore.log" 2>&1
rm "$state/g.save"
guest_wait g 20 'dmesg | grep -q "64 ring slots, 64 segments"'
transfers 300000 1
detach
expect_match 'state 6 at the end' "$(cat "$state/backend.log")" "frontend"

note "stock dialect: one page, 16 segments"
backend none 0 0
attach
transfers 100001 4095
detach

for mode in index id idle-id twice long negative port-zero port-high speed conn-index; do
  backend "$mode" 3 512
  attach
  wait_for 15 grep -q 'at the end' "$state/backend.log"
  expect_match 'state 5, error .*broke the protocol' "$(cat "$state/backend.log")" "$mode"
  expect_eq 1 "$(guest_run g 'dmesg -c | grep -c "broke the protocol"')" "lines for $mode"
  detach
  note "refused: $mode"
done

backend hold 3 512
attach
guest_wait g 20 "$plugged"
expect_fails guest_run g "$device; usb-check \$D read 65536 1 1 0"
expect_match 'grant still in use' "$(guest_run g 'dmesg -c')" "held grant"
wait_for 15 grep -q 'at the end' "$state/backend.log"
detach
note "refused: hold"

for mode in storm flood; do
  backend "$mode" 3 512
  attach
  expect_eq alive "$(guest_run g 'sleep 0.5; echo alive' 10)" "guest during $mode"
  guest_wait g 20 "$plugged"
  guest_run g "$device; usb-check \$D read 65536 4 2 0"
  detach
  note "endured: $mode"
done

backend silent 3 512
attach
sleep 1
detach
note "left: silent"

backend restart 3 512
attach
guest_wait g 20 "$plugged"
expect_fails guest_run g "$device; usb-check \$D write 65536 1 1 0"
sleep 3
guest_wait g 20 "$plugged"
guest_run g "$device; usb-check \$D read 65536 4 2 0"
detach
note "followed: restart"

expect_no_match 'BUG|WARNING|Oops|Call Trace' "$(guest_run g dmesg)" "guest's log"
