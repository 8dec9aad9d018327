# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The guest sees the device as the specification (docs/device.md) describes it,
# and so does 2virt-guest.
# order: 10

start_device web --device web:catalog=http://127.0.0.1:1
plug web
guest_wait 20 "test -S $web_socket"
is() {
  expect_eq "$2" "$(guest "attribute web-catalog $1 ${3:-}")" "$1"
}
is idVendor 02a0
is idProduct a123
is speed 480
is version 2.01
is manufacturer 2Virt
is product '2Virt web'
is bInterfaceClass ff 0
is bInterfaceSubClass 01 0
is bInterfaceProtocol 01 0
is interface web:catalog 0
is bNumEndpoints 09 0
expect_match 'web +catalog +ready' "$(guest '2virt-guest list')" "2virt-guest list"
expect_eq lo "$(guest 'ls /sys/class/net')" "network devices"
if [ "$bus" = usbip ]; then
  # Who looks from elsewhere is told the same; the attached one is not listed.
  expect_eq "" "$(guest 'usbip list -r 127.0.0.1 2>&1 | grep "^ *1-1:" || true')" "attached device in the list"
  unplug web
  guest_wait 10 "! device_path web-catalog"
  list=$(guest 'usbip list -r 127.0.0.1')
  expect_match '1-1: .*\(02a0:a123\)' "$list" "usbip list"
  expect_match 'Vendor Specific Class|ff/01/01' "$list" "interface in usbip list"
fi
kernel_log_clean
