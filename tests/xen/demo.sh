# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What run-demo shows, run in dom0 of the bed with the case library loaded: the
# main job, step by step, with the commands a person would type.
set -eE -o pipefail
failed_at=
trap 'failed_at=${BASH_SOURCE[0]##*/}:$LINENO' ERR
trap 'rc=$?; [ $rc = 0 ] || { say_where $rc "$failed_at"; collect_logs /share/out/demo; }' EXIT

title() {
  printf '\n--- %s\n' "$*"
}

# show COMMAND: in dom0.
show() {
  printf 'dom0# %s\n' "$1"
  eval "$1" | sed 's/^/  /'
}

# show_guest COMMAND [SECONDS]: in the guest.
show_guest() {

  printf 'guest# %s\n' "$1"
  out=$(guest_run shop "$1" "${2:-30}")
  printf '%s\n' "$out" | sed 's/^/  /'
}

title "A cluster of three web servers that only dom0 can reach"
start_web
for n in 1 2 3; do
  show "curl -s http://127.0.0.1:800$n/"
done

title "2virtd, with the cluster as service 'catalog'"
start_2virtd
show "cat /etc/2virt/services.d/test.conf | head -n 4"

title "An HVM guest: no network card, a PV USB controller by stock xl"
write_config shop hvm "usbctrl=['type=pv,version=2,ports=8']" > "$state/shop.cfg"
show "grep -vE 'vga|vnc|sdl|tsc|crash|cpus' $state/shop.cfg"
mark_log shop
show "xl create $state/shop.cfg 2>&1 | grep -v 'tsc mode'"
note "the guest boots (15 s on a quiet machine)"
wait_up shop
show "xl list"
show_guest "ls /sys/class/net"
show_guest "uname -sr; cat /sys/hypervisor/guest_type"
show_guest "2virt-guest list"

title "Granting the service plugs the device"
id=$(domid shop)
wait_for 10 xenstore-exists "/tool/2virt/domain/$id/uuid"
show "xenstore-write /tool/2virt/domain/$id/grant/web/catalog ''"
guest_wait shop 20 "test -S $web_socket"
show "xenstore-ls /tool/2virt/domain/$id"
show_guest 'dmesg | grep -i "usb 1-" | tail -n 5'
show_guest "2virt-guest list"

title "The stock curl gets pages from all three servers"
pages=
for n in 1 2 3 4 5 6; do
  show_guest "curl -s --unix-socket $web_socket http://catalog/"
  pages+="$out
"
done
for n in 1 2 3; do
  expect_match "page from server$n" "$pages" "pages"
done
expect_eq lo "$(guest_run shop 'ls /sys/class/net')" "network devices of the guest"

title "Taking the grant away pulls the device"
show "xenstore-rm /tool/2virt/domain/$id/grant/web/catalog"
guest_wait shop 10 "! test -e $web_socket"
show_guest "curl -s --unix-socket $web_socket http://catalog/ || echo no service"

show "xl destroy shop"
title "That was the main job: it works."
