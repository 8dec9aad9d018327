# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A device process that is stopped cannot keep a revoked service alive: it is
# killed 300 ms later, and the guest sees the service gone within a second.
# timeout: 180

# Xen gives dom0 and guests one wall clock; in us here, in the guest there.
# shellcheck disable=SC2016 # for the guest's shell
now='echo ${EPOCHREALTIME/./}'

# clock_check NAME: the guest's clock is between two readings of ours.
clock_check() {
  local before after there
  before=$(eval "$now")
  there=$(guest_run "$1" "$now")
  after=$(eval "$now")
  if [ "$there" -lt $((before - 20000)) ] || [ "$there" -gt $((after + 20000)) ]; then
    skip "the clocks of dom0 and the guest differ: $before, $there, $after"
  fi
}

start_web
start_2virtd
web_guest g pvh
head -c 3145728 /dev/urandom > "$web_root/files/big"
clock_check g

for round in 1 2 3; do
  # A transfer under way, so that there is something to cut.
  guest_curl g "-o /tmp/body -D /tmp/head -m 60 http://catalog/slow/big" 70 > /tmp/out 2>&1 &
  slow=$!
  guest_wait g 10 'test -s /tmp/head'
  pid=$(device_pid g)
  guest_run g "while test -e $web_socket; do sleep 0.02; done; $now" 20 > /tmp/gone &
  watcher=$!
  sleep 2
  kill -STOP "$pid"
  sleep 0.5
  revoke g web catalog
  begin=$(eval "$now")
  while kill -0 "$pid" 2> /dev/null; do sleep 0.02; done
  killed=$((($(eval "$now") - begin) / 1000))
  wait $watcher
  gone=$((($(cat /tmp/gone) - begin) / 1000))
  note "round $round: killed after $killed ms, gone in the guest after $gone ms"
  [ $killed -lt 1000 ] || fail "killed after $killed ms"
  [ $gone -lt 1000 ] || fail "gone in the guest after $gone ms"
  rc=0
  wait $slow || rc=$?
  [ $rc != 0 ] || fail "the transfer survived the revocation"
  expect_match 'no answer to (UNPLUG|SERVICE_REMOVE) in time' "$(cat "$daemon_log")" "2virtd's log"
  expect_eq 4 "$(backend_state g)" "backend state"
  guest_run g 'rm -f /tmp/head /tmp/body'
  grant g web catalog
  wait_web g
  : > "$daemon_log"
done
