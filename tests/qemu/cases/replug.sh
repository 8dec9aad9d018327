# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A device that is pulled in the middle of a transfer ends it at once, and plugs
# in again as if it were the first time. The same when 2virt-device is killed.
# order: 60
# timeout: 120

plug_web
on_platform 'head -c 16777216 /dev/urandom > $web_root/files/big'

# slow_transfer: a download that goes on for minutes; waits until it flows.
slow_transfer() {
  guest 'rm -f /tmp/head /tmp/body'
  guest "curl -sS --unix-socket $web_socket -o /tmp/body -D /tmp/head -m 60 http://catalog/slow/big" 70 > "$run_dir/slow.log" 2>&1 &
  slow=$!
  guest_wait 10 'test -s /tmp/head'
}

# cut_by COMMAND...: the download ends by it, and soon.
cut_by() {
  local start rc=0
  start=$(now_ms)
  "$@"
  wait $slow || rc=$?
  note "$*: curl ended with $rc after $(($(now_ms) - start)) ms"
  [ $rc != 0 ] || fail "the transfer survived $*"
  [ $(($(now_ms) - start)) -lt 8000 ] || fail "the transfer was not cut by $*"
  guest_wait 10 "! test -e $web_socket"
  guest_wait 10 "! device_path web-catalog"
}

for round in 1 2; do
  slow_transfer
  cut_by unplug web
  plug web
  wait_page
done

slow_transfer
cut_by kill_device web KILL
start_device web --device "$(catalog)"
# QEMU connects again by itself; to usbip a server that ended is a detach.
[ "$bus" = usbredir ] || plug web
wait_page
kernel_log_clean
