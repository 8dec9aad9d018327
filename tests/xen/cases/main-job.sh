# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The main job: an HVM guest without any network card gets pages from a cluster
# of web servers that only dom0 can reach, with the stock curl.
# timeout: 120

start_web
start_2virtd
web_guest h hvm
expect_eq HVM "$(guest_run h 'cat /sys/hypervisor/guest_type')" "type of guest"
expect_eq lo "$(guest_run h 'ls /sys/class/net')" "network devices"

expect_match '^page from server[123]$' "$(guest_curl h http://catalog/)" page
servers=$(guest_run h "for i in 1 2 3 4 5 6 7 8 9; do
  curl -sS --unix-socket $web_socket http://catalog/name; done" | sort -u | tr '\n' ' ')
expect_eq "server1 server2 server3 " "$servers" "servers that answered"

# HTTP/2 with prior knowledge, told apart by its first bytes.
expect_match '^2 200$' \
  "$(guest_curl h "--http2-prior-knowledge -o /dev/null -w '%{http_version} %{http_code}\n' http://catalog/name")" \
  "HTTP/2"

# Who asks is said by the platform and cannot be forged.
headers=$(guest_curl h "-H 'X-2Virt-Domain: 0' http://catalog/headers")
expect_match 'domain=.*[^0 ]' "$headers" "identity of the guest"
expect_no_match 'domain=0' "$headers" "forged identity"
expect_match "uuid=$(xl domid h > /dev/null && xl list -v | awk '$1 == "h" {print $7}')" "$headers" uuid

# Not granted and not existing are the same 403.
for service in shop nonesuch; do
  expect_eq 403 "$(guest_curl h "-o /dev/null -w '%{http_code}' http://$service/")" "status of $service"
done
expect_eq 404 "$(guest_curl h "-o /dev/null -w '%{http_code}' http://catalog/none")" "upstream's own 404"
xl_clean destroy h
