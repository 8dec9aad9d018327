# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The device process is killed while in use: the controller stays connected, the
# device comes back by itself, and another guest notices nothing.
# timeout: 240

start_web
start_2virtd
web_guest a pvh
web_guest b pvh
head -c 3145728 /dev/urandom > "$web_root/files/big"
want=$(sha256sum < "$web_root/files/big")

guest_curl b "http://catalog/slow/big | sha256sum" 90 > /tmp/b &
other=$!
for round in 1 2 3; do
  guest_curl a "-o /tmp/body -D /tmp/head -m 60 http://catalog/slow/big" 70 > /tmp/out 2>&1 &
  slow=$!
  guest_wait a 10 'test -s /tmp/head'
  old=$(device_pid a)
  kill -9 "$old"
  rc=0
  wait $slow || rc=$?
  note "round $round: curl ended with $rc"
  [ $rc != 0 ] || fail "the transfer survived its process"
  guest_run a 'rm -f /tmp/head /tmp/body'
  wait_web a
  expect_eq 4 "$(backend_state a)" "backend state"
  new=$(device_pid a)
  [ "$new" != "$old" ] || fail "no new device process"
done
wait $other
expect_eq "$want" "$(cat /tmp/b)" "what the other guest got"
expect_no_match 'broke the protocol' "$(guest_run a dmesg)" "kernel log of the guest"
