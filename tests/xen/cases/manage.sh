# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The command 2virt with stock xl below it: attach, allow, limits, revoke and
# detach on a running guest; explain and metrics beside it.
# timeout: 240

# does COMMAND...: 2virt, which must say no error.
does() {
  local out rc=0
  out=$(2virt "$@" 2>&1) || rc=$?
  [ $rc = 0 ] || fail "2virt $* ended with $rc: $out"
  printf '%s\n' "$out"
}

start_web
start_2virtd
create_guest g pvh
wait_for 10 test -S /run/2virt/control.sock
expect_match 'g +0 +0 +0' "$(does domains)" "before"

note "attach"
does attach g ports=4
expect_match '0 +pv +0 +[0-9] +2 +4' "$(xl usb-list g 2>&1)" "xl usb-list"
expect_match 'already' "$(does attach g)" "attach once more"

note "allow, limits, explain"
does allow g web:catalog
wait_web g
expect_match server "$(guest_curl g http://catalog/name)" page
expect_match 'web:catalog +manual +no +yes' "$(does grants g)" grants
expect_match '^granted: ' "$(does policy explain g web:catalog)" explain
does limits g web:catalog rate=1MiB/s
expect_eq 1048576 "$(xenstore-read "/tool/2virt/domain/$(domid g)/grant/web/catalog/rate")" rate
metrics=$(curl -sf --unix-socket /run/2virt/control.sock http://localhost/metrics)
expect_match 'twovirt_controllers_connected 1' "$metrics" metrics

note "revoke"
does revoke g web:catalog
guest_wait g 5 "! test -e $web_socket"
expect_match '^not granted: ' "$(does policy explain g web:catalog)" explain
expect_match 'revoke web:catalog' "$(does log)" log

note "detach"
does detach g
expect_no_match 'pv' "$(xl usb-list g 2>&1)" "xl usb-list"
expect_match 'g +0 +0 +0' "$(does domains)" "after"
xl_clean destroy g

note "others than root only read"
expect_eq 1 "$(setpriv --reuid 65534 --regid 65534 --clear-groups \
  2virt domains > /dev/null 2>&1; echo $?)" "status as nobody"
