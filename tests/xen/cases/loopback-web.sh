# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Programs that know no unix sockets: 2virt-guest listens on the guest's loopback
# and nowhere else.
# timeout: 180

start_web
start_2virtd
web_guest g pvh
guest_run g 'ip link set lo up; mkdir -p /etc/2virt
  printf "[web]\nlisten = 127.0.0.1:8080\n" > /etc/2virt/guest.conf
  kill $(pidof 2virt-guest)'
guest_wait g 20 "curl -sf -m 5 -o /dev/null -H 'Host: catalog' http://localhost:8080/name"
expect_match '^server[123]$' \
  "$(guest_run g "curl -sS -H 'Host: catalog' http://localhost:8080/name")" "page by TCP"
expect_eq 403 "$(guest_run g "curl -sS -o /dev/null -w '%{http_code}' http://localhost:8080/name")" \
  "status without a service's name"
listed=$(guest_run g '2virt-guest list')
expect_match 'web +default' "$listed" "2virt-guest list"

# Another address is refused with a word why.
rc=0
said=$(guest_run g '2virt-guest run --web-listen 0.0.0.0:8081 2>&1') || rc=$?
expect_eq 2 $rc "status of a listener for everybody"
expect_match 'loopback' "$said" "reason"
