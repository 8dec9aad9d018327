# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A server of the cluster dies under load: no GET fails whose response had not
# begun; one that had begun ends in an error the client sees.
# timeout: 200

start_web
start_2virtd
web_guest g pvh
head -c 4194304 /dev/urandom > "$web_root/files/big"

note "load"
guest_run g "h2load -D 8 -c 1 -m 20 --base-uri=unix:$web_socket http://catalog/name" 120 > /tmp/load &
load=$!
sleep 2
stop_web_server 2
kill -0 $load || fail "the load ended before the server was killed"
wait $load
grep '^requests:' /tmp/load
expect_match '[1-9][0-9]{2,} succeeded, 0 failed, 0 errored, 0 timeout' "$(cat /tmp/load)" h2load
start_web_server 2

note "a response that has begun"
guest_curl g "-D /tmp/head -o /tmp/body -m 60 http://catalog/slow/big" 70 > /tmp/out 2>&1 &
slow=$!
guest_wait g 20 'test -s /tmp/head'
server=$(guest_run g 'cat /tmp/head' | tr -d '\r' | sed -n 's/^[Xx]-[Ss]erver: server//p')
expect_match '^[123]$' "$server" "server at work"
stop_web_server "$server"
rc=0
wait $slow || rc=$?
cat /tmp/out
expect_match '^(18|52|55|56|92)$' "$rc" "curl's exit status"

note "all dead"
for n in 1 2 3; do
  stop_web_server $n
done
expect_match '^50[234]$' "$(guest_curl g "-o /dev/null -w '%{http_code}' http://catalog/name")" "status"
for n in 1 2 3; do
  start_web_server $n
done
wait_web g
