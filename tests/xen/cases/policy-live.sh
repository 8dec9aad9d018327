# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Rules come, change and go while a guest looks: each change is seen inside it
# within a second (a grant that plugs the device: in two of four at least, the
# first ever within three), a stream that runs is slowed or cut, and without its
# rule nothing is reachable.
# timeout: 300

rules=/etc/2virt/policy.d
# put_rules [LINE...]: the only file of rules, replaced at once.
put_rules() {
  printf '%s\n' "$@" > /tmp/rules
  mv /tmp/rules $rules/10-test.policy
}

# seen_in_guest CONDITION CHANGE...: took = ms from the change to the guest's
# word that the condition is met. The guest polls, and each look of its takes a
# tenth of a second or so here.
seen_in_guest() {
  local condition=$1 waiter
  shift
  guest_run g "touch /tmp/waiting; n=0; until $condition; do n=\$((n+1)); [ \$n -lt 400 ] || exit 1; sleep 0.02; done; rm /tmp/waiting" 40 &
  waiter=$!
  guest_wait g 10 'test -e /tmp/waiting'
  sleep 0.5
  start=$EPOCHREALTIME
  "$@"
  wait $waiter || fail "never seen in the guest: $condition"
  took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
  note "seen after $took ms: $condition"
}

# served_in_guest SERVICE CHANGE...: the same for a page of a service, but took
# is up to the guest's first page, by the audit's clock, which is dom0's too.
served_in_guest() {
  local service=$1 day=86400000 first
  shift
  seen_in_guest "$(page "$service")" "$@"
  first=$(awk -v start=$((${start/./} / 1000 % day)) -v service="web:$service" '
    /"event":"request"/ && /"result":"allowed"/ && $0 ~ "\"" service "\"" {
      match($0, /T[0-9:.]+Z/)
      split(substr($0, RSTART + 1, RLENGTH - 2), t, /[:.]/)
      ms = ((t[1] * 60 + t[2]) * 60 + t[3]) * 1000 + t[4]
      if (ms >= start) { print ms - start; exit }
    }' "$daemon_log")
  took=${first:?no page in the audit}
  note "first page after $took ms"
}

# at_most MS
at_most() {
  [ "$took" -le "$1" ] || fail "took $took ms, more than $1"
}

page() {
  echo "curl -sf -m 2 -o /dev/null --unix-socket $web_socket http://$1/name"
}

mkdir -p $rules
start_web
start_2virtd
create_guest g hvm "usbctrl=['type=pv,version=2,ports=8']"
head -c 33554432 /dev/urandom > "$web_root/files/big"

note "nothing is reachable without a rule"
sleep 1
guest_run g "! test -e $web_socket" || fail "a device without a grant"

note "the first grant plugs the device"
served_in_guest catalog put_rules "web:catalog g allow"
at_most 3000 # the guest's programs are read for the first time; see below
note "another grant on the device that is there"
served_in_guest shop put_rules "web:catalog g allow" "web:shop g allow"
at_most 1000

note "a limit slows the stream that runs, another frees it"
guest_run g "curl -s -o /tmp/body --unix-socket $web_socket http://catalog/files/big & echo \$! > /tmp/pid; sleep 0.3; test -e /proc/\$(cat /tmp/pid)"
put_rules "web:catalog g allow rate=64KiB/s burst=16KiB" "web:shop g allow"
sleep 1.5
one=$(guest_run g 'stat -c %s /tmp/body')
sleep 4
two=$(guest_run g 'stat -c %s /tmp/body')
note "$(((two - one) / 4096)) KiB/s with a limit of 64"
[ $((two - one)) -lt $((64 * 1024 * 7)) ] || fail "the limit does not hold: $((two - one)) octets in about 4 s"
put_rules "web:catalog g allow" "web:shop g allow"
guest_wait g 20 'test ! -e /proc/$(cat /tmp/pid)'
expect_eq 33554432 "$(guest_run g 'stat -c %s /tmp/body')" "size of the body"

note "a rule that goes cuts the stream"
guest_run g "rm -f /tmp/body; curl -s -o /tmp/body --unix-socket $web_socket http://catalog/slow/big & echo \$! > /tmp/pid; sleep 1; test -s /tmp/body"
seen_in_guest '! test -e /proc/$(cat /tmp/pid)' put_rules "web:shop g allow"
at_most 1000
expect_eq 403 "$(guest_curl g "-o /dev/null -w '%{http_code}' http://catalog/name")" "catalog without its rule"
guest_run g "$(page shop)" || fail "another grant was disturbed"
seen_in_guest "! test -e $web_socket" put_rules "# nothing"
at_most 1000

note "a broken file changes nothing, and mending it does"
seen_in_guest "$(page shop)" put_rules "web:shop g allow"
put_rules "web:shop g permit"
sleep 1.5
guest_run g "$(page shop)" || fail "a broken file took a grant away"
expect_match '10-test.policy:1:12' "$(cat "$daemon_log")" "the daemon's log"

rm -f /tmp/plugs
put_rules "# nothing"
guest_wait g 10 "! test -e $web_socket"
note "trust: with any rule away, or the tree emptied, nothing is reachable"
for line in "web:shop g allow" "web:* g allow" "web:shop @any allow" "*:* g allow"; do
  served_in_guest shop put_rules "$line"
  echo "$took" >> /tmp/plugs
  seen_in_guest "! $(page shop)" put_rules "# $line"
done
took=$(sort -n /tmp/plugs | sed -n 2p)
note "a grant that plugs the device: $took ms, the second best of $(tr '\n' ' ' < /tmp/plugs)"
at_most 1000
seen_in_guest "$(page shop)" put_rules "web:shop g allow"
seen_in_guest "! $(page shop)" xenstore-rm "/tool/2virt/domain/$(domid g)/grant"
rm -f $rules/10-test.policy
