# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A char link joins a program of the guest and one of the platform: octets both
# ways unchanged, ends and crashes as a socket has them.
# order: 30

start_device char --device 'char:echo=exec:exec cat' \
  --with 'char:clock=exec:echo noon' --with 'char:crash=exec:read -r x; kill -9 $$'
plug char
socket=/run/2virt/char
guest_wait 20 "test -S $socket/crash.sock"

expect_eq noon "$(guest "socat -u UNIX:$socket/clock.sock -")" "a program that only speaks"
# Ends its output, gets the whole answer, then the end.
expect_eq hello "$(guest "echo hello | socat -t 10 - UNIX:$socket/echo.sock")" "echo"
expect_eq hello "$(guest 'echo hello | 2virt-guest connect char:echo')" "echo by 2virt-guest connect"
guest 'head -c 8388608 /dev/urandom > /tmp/octets'
want=$(guest 'sha256sum < /tmp/octets')
expect_eq "$want" "$(guest "socat -t 30 - UNIX:$socket/echo.sock < /tmp/octets | sha256sum" 60)" "sum of 8 MiB there and back"
# Several at once do not mix.
got=$(guest "for i in 1 2 3 4; do
    yes line-\$i | head -n 20000 | socat -t 20 - UNIX:$socket/echo.sock > /tmp/part\$i &
  done; wait; for i in 1 2 3 4; do uniq -c < /tmp/part\$i; done" 60)
expect_eq "20000 line-1 20000 line-2 20000 line-3 20000 line-4" "$(xargs <<< "$got")" "four at once"
# A crash ends both directions, an end of output only one. (A unix socket cannot
# say more than that writing fails.)
out=$(guest "(echo; sleep 1; echo more; sleep 1; echo more) | socat -t 10 - UNIX:$socket/crash.sock 2>&1 || true")
expect_match 'Broken pipe|Connection reset' "$out" "writing to a program that crashed"
expect_eq noon "$(guest "socat -u UNIX:$socket/clock.sock -")" "after the crash"
kernel_log_clean
