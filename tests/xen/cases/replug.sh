# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Grants taken away and given back while the device is in use: what is under way
# ends at once, and every new grant works.
# timeout: 240

start_web
start_2virtd
web_guest g pvh
head -c 16777216 /dev/urandom > "$web_root/files/big"

for round in 1 2 3 4 5; do
  guest_curl g "-o /tmp/body -D /tmp/head -m 60 http://catalog/slow/big" 70 > /tmp/out 2>&1 &
  slow=$!
  guest_wait g 10 'test -s /tmp/head'
  start=$EPOCHREALTIME
  revoke g web catalog
  rc=0
  wait $slow || rc=$?
  end=$EPOCHREALTIME
  note "round $round: curl ended with $rc after $(((${end/./} - ${start/./}) / 1000)) ms: $(cat /tmp/out)"
  [ $rc != 0 ] || fail "the transfer survived the revocation"
  [ $(((${end/./} - ${start/./}) / 1000)) -lt 5000 ] || fail "the transfer was not cut at once"
  guest_wait g 10 "! test -e $web_socket"
  guest_run g 'rm -f /tmp/head /tmp/body'
  grant g web catalog
  wait_web g
done

note "quick changes"
for round in {1..10}; do
  revoke g web catalog
  grant g web catalog
done
wait_web g
expect_eq 4 "$(backend_state g)" "backend state"
xl_clean destroy g
