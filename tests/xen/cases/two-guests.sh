# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Two guests at once, each with its own grants; a page of one never reaches the
# other, and neither sees what only the other may use.
# timeout: 240

start_web
start_2virtd
create_guest h hvm "usbctrl=['type=pv,version=2,ports=8']"
create_guest p pvh "usbctrl=['type=pv,version=2,ports=4']"
grant h web catalog
grant p web shop
wait_web h
guest_wait p 20 "curl -sf --unix-socket $web_socket http://shop/name"
expect_eq 403 "$(guest_curl h "-o /dev/null -w '%{http_code}' http://shop/name")" "shop in h"
expect_eq 403 "$(guest_curl p "-o /dev/null -w '%{http_code}' http://catalog/name")" "catalog in p"
[ "$(device_pid h)" != "$(device_pid p)" ] || fail "one process for two guests"

head -c 8388608 /dev/urandom > "$web_root/files/one"
head -c 8388608 /dev/urandom > "$web_root/files/two"
note "both at once"
guest_curl h "http://catalog/files/one | sha256sum" 90 > /tmp/h &
first=$!
guest_curl p "http://shop/files/two | sha256sum" 90 > /tmp/p &
second=$!
wait $first
wait $second
expect_eq "$(sha256sum < "$web_root/files/one")" "$(cat /tmp/h)" "what h got"
expect_eq "$(sha256sum < "$web_root/files/two")" "$(cat /tmp/p)" "what p got"

note "one is destroyed, the other goes on"
xl_clean destroy h
expect_match server3 "$(guest_curl p http://shop/name)" page
