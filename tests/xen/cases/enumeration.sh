# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A device appears with the first grant and not before; the guest sees it as the
# specification (docs/device.md) describes it, and so does 2virt-guest.
# timeout: 120

start_web
start_2virtd
create_guest g pvh "usbctrl=['type=pv,version=2,ports=8']"
guest_wait g 20 'test -e /sys/bus/usb/devices/usb1'
expect_eq 4 "$(backend_state g)" "backend state"
expect_eq 8 "$(guest_run g 'cat /sys/bus/usb/devices/usb1/maxchild')" "ports"

# Nothing is granted: nothing is plugged.
sleep 2
expect_eq "" "$(guest_run g 'cd /sys/bus/usb/devices; ls -d 1-? 2>/dev/null || true')" "devices"

grant g web catalog
guest_wait g 20 "test -S $web_socket"
sys() {
  guest_run g "cat /sys/bus/usb/devices/1-[1-9]/$1 | head -n 1"
}
expect_eq 02a0 "$(sys idVendor)" idVendor
expect_eq a123 "$(sys idProduct)" idProduct
expect_eq 480 "$(sys speed)" speed
expect_eq 2.01 "$(sys version | tr -d ' ')" bcdUSB
expect_eq 2Virt "$(sys manufacturer)" manufacturer
expect_match "^2Virt web" "$(sys product | tr W w)" product
expect_eq web-default "$(sys serial)" serial
interface() {
  guest_run g "cat /sys/bus/usb/devices/1-[1-9]*:1.0/$1"
}
expect_eq ff "$(interface bInterfaceClass)" "interface class"
expect_eq 01 "$(interface bInterfaceSubClass)" "interface subclass"
expect_eq 01 "$(interface bInterfaceProtocol)" "interface protocol"
expect_eq web:default "$(interface interface)" "interface string"
expect_eq 09 "$(interface bNumEndpoints)" "endpoints of 4 pipes and events"
expect_match 'web +default +ready' "$(guest_run g '2virt-guest list')" "2virt-guest list"
expect_no_match 'error|fail|unable' "$(guest_run g 'dmesg | grep -E "usb [0-9]|vusb-0" || true')" "kernel log"

# A second service of the same type is the same device.
grant g web shop
guest_wait g 20 "curl -sf --unix-socket $web_socket http://shop/name"
expect_eq 1 "$(guest_run g 'ls -d /sys/bus/usb/devices/1-? | wc -l')" "devices"

# The last grant's end unplugs.
revoke g web shop
revoke g web catalog
guest_wait g 10 "! test -e $web_socket"
expect_eq "" "$(guest_run g 'cd /sys/bus/usb/devices; ls -d 1-? 2>/dev/null || true')" "devices"
xl_clean destroy g
