# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Stock xl alone: controllers in the config and by usbctrl-attach, detached and
# destroyed without a line of error; several controllers of one guest.
# timeout: 240

start_web
start_2virtd
create_guest g pvh
xl_clean usbctrl-attach g type=pv version=2 ports=4
expect_match '0 +pv +0 +[0-9] +2 +4' "$(xl usb-list g 2>&1)" "xl usb-list"
grant g web catalog
wait_web g
expect_eq 4 "$(backend_state g)" "backend state"

note "detach"
xl_clean usbctrl-detach g 0
guest_wait g 10 "! test -e $web_socket"
guest_wait g 10 '! test -e /sys/bus/usb/devices/usb1'
wait_for 10 no_process 2virt-device

note "attach again"
xl_clean usbctrl-attach g type=pv version=2 ports=8
wait_web g

note "a second controller"
xl_clean usbctrl-attach g type=pv version=2 ports=2
guest_wait g 10 'test -e /sys/bus/usb/devices/usb2'
expect_match server "$(guest_curl g http://catalog/name)" page
xl_clean usbctrl-detach g 1
expect_match server "$(guest_curl g http://catalog/name)" page

note "destroy"
id=$(domid g)
xl_clean destroy g
wait_for 10 no_backend "$id"

note "a guest whose driver never comes"
start_guest q pvh "usbctrl=['type=pv,version=2,ports=8']" \
  "extra='$guest_args pci=off bed.no_driver'"
wait_up q
expect_eq 2 "$(backend_state q)" "backend state without a frontend"
xl_clean usbctrl-detach q 0
xl_clean destroy q

note "paused, then destroyed"
create_guest q pvh "usbctrl=['type=pv,version=2,ports=8']"
xl pause q
xl_clean destroy q
