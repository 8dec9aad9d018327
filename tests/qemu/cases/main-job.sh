# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The main job without Xen: a guest without a network card gets pages from a
# cluster of web servers with the stock curl.
# order: 20

plug_web
expect_match '^page from server[123]$' "$(guest_curl http://catalog/)" page
servers=$(guest "for i in 1 2 3 4 5 6 7 8 9; do
  curl -sS --unix-socket $web_socket http://catalog/name; done" | sort -u | tr '\n' ' ')
expect_eq "server1 server2 server3 " "$servers" "servers that answered"
expect_match '^2 200$' \
  "$(guest_curl "--http2-prior-knowledge -o /dev/null -w '%{http_version} %{http_code}\n' http://catalog/name")" \
  "HTTP/2"
expect_eq 403 "$(guest_curl "-o /dev/null -w '%{http_code}' http://nonesuch/")" "service that is not there"
expect_eq 404 "$(guest_curl "-o /dev/null -w '%{http_code}' http://catalog/none")" "upstream's own 404"

note "8 MiB down and up again"
want=$(on_platform 'head -c 8388608 /dev/urandom | tee $web_root/files/big | sha256sum')
guest "curl -sS --unix-socket $web_socket -o /tmp/big http://catalog/files/big" 60
expect_eq "$want" "$(guest 'sha256sum < /tmp/big')" "sum of the download"
expect_eq 201 "$(guest_curl "-T /tmp/big -w '%{http_code}' http://catalog/files/up" 60)" "status of the upload"
expect_eq "$want" "$(on_platform 'sha256sum < $web_root/files/up')" "sum of the upload"

note "40 clients at once"
out=$(guest "h2load --h1 -n 200 -c 40 --base-uri=unix:$web_socket http://catalog/name" 60)
expect_match '200 succeeded, 0 failed, 0 errored, 0 timeout' "$out" "h2load"
kernel_log_clean
