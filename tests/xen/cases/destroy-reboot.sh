# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A guest that reboots finds its controller again; one that is destroyed in full
# use leaves nothing behind.
# timeout: 240

start_web
start_2virtd
web_guest g pvh
old=$(domid g)

note "reboot"
mark_log g
guest_run g 'reboot -f' 2 || true
wait_for 60 domid_is_new g "$old"
wait_up g
grant g web catalog
wait_web g
note "works after the reboot"

head -c 16777216 /dev/urandom > "$web_root/files/big"
guest_curl g "-o /dev/null -D /tmp/head -m 60 http://catalog/slow/big" 8 > /dev/null 2>&1 &
slow=$!
guest_wait g 10 'test -s /tmp/head'
id=$(domid g)
xl_clean destroy g
wait_for 10 no_backend "$id"
wait_for 10 no_process 2virt-device
wait_for 10 no_tree "$id"
wait $slow || true

note "a new guest"
web_guest g pvh
