# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# 200 requests at once as HTTP/2 streams of one connection, and 40 HTTP/1.1
# clients that queue for the device's four pipes.
# timeout: 200

start_web
start_2virtd
web_guest g pvh

note "HTTP/2, 200 streams"
out=$(guest_run g "h2load -n 1000 -c 1 -m 200 --base-uri=unix:$web_socket http://catalog/name" 90)
expect_match '1000 succeeded, 0 failed, 0 errored, 0 timeout' "$out" h2load

note "HTTP/1.1, 40 clients"
out=$(guest_run g "for i in \$(seq 40); do
    curl -sS -m 80 -o /dev/null -w '%{http_code}\n' --unix-socket $web_socket http://catalog/name &
  done; wait" 90)
expect_eq 40 "$(grep -c '^200$' <<< "$out")" "clients that got a page"

note "HTTP/1.1, 40 clients that keep their connections"
out=$(guest_run g "h2load --h1 -n 400 -c 40 --base-uri=unix:$web_socket http://catalog/name" 120)
expect_match '400 succeeded, 0 failed, 0 errored, 0 timeout' "$out" "h2load --h1"
