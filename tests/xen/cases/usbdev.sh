# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# usbdev="2virt" on stock xl, in the configuration and on the command line: a
# controller as any other, over reboot, save, restore and destroy.
# timeout: 400

# controllers NAME: how many it has.
controllers() {
  xenstore-list "/local/domain/0/backend/vusb/$(domid "$1")" 2> /dev/null | wc -l
}

has_one() {
  [ "$(controllers "$1")" = 1 ]
}

# works NAME: after a start of any kind.
works() {
  wait_for 30 has_one "$1"
  grant "$1" web catalog
  wait_web "$1"
  expect_match '0 +pv +0 +[0-9] +2 +8' "$(xl usb-list "$1" 2>&1)" "xl usb-list"
  expect_eq 1 "$(controllers "$1")" "controllers"
}

start_web
start_2virtd

note "in the configuration"
create_guest g pvh 'usbdev="2virt"'
expect_no_match 'error|unable' "$(cat "$state/g.create.log")" "xl create"
works g
expect_match "^g +$(domid g) +" "$(xl list g | tail -n 1)" "xl list"

note "2virtd anew"
stop_2virtd
start_2virtd
wait_web g
sleep 2
expect_eq 1 "$(controllers g)" "controllers"

note "reboot"
old=$(domid g)
mark_log g
guest_run g 'reboot -f' 2 || true
wait_for 60 domid_is_new g "$old"
wait_up g
works g

note "save and restore"
xl_save_restore g
expect_match Linux "$(guest_run g uname)" "the guest goes on"
wait_for 30 backend_is g 4
works g

note "detached, it stays so"
xl_clean usbctrl-detach g 0
sleep 3
expect_eq 0 "$(controllers g)" "controllers"
xl_clean usbctrl-attach g type=pv version=2 ports=8
works g

note "destroy"
id=$(domid g)
xl_clean destroy g
wait_for 10 no_backend "$id"
wait_for 10 no_process 2virt-device
wait_for 10 no_tree "$id"

note "on the command line, the file by a relative path"
write_config c pvh > "$state/c.cfg"
mark_log c
(cd "$state" && xl create c.cfg 'usbdev="2virt"') > "$state/c.create.log" 2>&1 ||
  fail "xl create: $(cat "$state/c.create.log")"
wait_up c
works c
xl_clean destroy c

note "beside usbctrl=: that one is used"
create_guest b pvh 'usbdev="2virt"' "usbctrl=['type=pv,version=2,ports=8']"
works b
sleep 2
expect_eq 1 "$(controllers b)" "controllers"
xl_clean destroy b

note "not asked for, or by a file that others can write"
create_guest n pvh
sleep 2
expect_eq 0 "$(controllers n)" "controllers"
xl_clean destroy n
write_config w pvh 'usbdev="2virt"' > "$state/w.cfg"
chmod 666 "$state/w.cfg"
mark_log w
xl create "$state/w.cfg" > "$state/w.create.log" 2>&1
wait_up w
sleep 2
expect_eq 0 "$(controllers w)" "controllers"
xl_clean destroy w
