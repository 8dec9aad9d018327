# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One device of several functions: Linux binds each interface on its own, all
# work at once, and one that is let go disturbs no other.
# order: 40

start_upstreams
start_device box --device "$(catalog)" --with 'char:echo=exec:exec cat' --with diag:measure
plug box
wait_page
expect_eq ef "$(guest 'attribute web-catalog bDeviceClass')" "class of a device with associations"
for n in 0 1 2; do
  expect_eq usbfs "$(guest "basename \$(readlink \$(device_path web-catalog)/*:1.$n/driver)")" "driver of interface $n"
  expect_eq "0$n" "$(guest "attribute web-catalog iad_bFirstInterface $n")" "association of interface $n"
done
expect_eq "char:echo diag:measure web:catalog" \
  "$(guest "cat \$(device_path web-catalog)/*:1.?/interface" | sort | xargs)" "interface strings"
use_all() {
  guest "set -e
    printf E > /tmp/diag; head -c 2000000 /dev/zero >> /tmp/diag
    curl -sSf --unix-socket $web_socket http://catalog/name > /tmp/web.out &
    socat -t 20 - UNIX:/run/2virt/char/echo.sock < /tmp/diag | cksum > /tmp/char.out &
    socat -t 20 - UNIX:/run/2virt/diag/measure.sock < /tmp/diag | cksum > /tmp/diag.out &
    wait
    grep -q '^server' /tmp/web.out
    [ \"\$(cat /tmp/char.out)\" = \"\$(cksum < /tmp/diag)\" ]
    [ \"\$(cat /tmp/diag.out)\" = \"\$(tail -c +2 /tmp/diag | cksum)\" ]" 60
}
use_all
# Another program takes one interface away: the others stay.
guest 'dir=$(device_path web-catalog); basename $dir/*:1.1 > /sys/bus/usb/drivers/usbfs/unbind'
expect_match '^server[123]$' "$(guest_curl http://catalog/name)" "web without char"
expect_eq back "$(guest 'echo -n Eback | socat -t 5 - UNIX:/run/2virt/diag/measure.sock')" "diag without char"
# A program that dies leaves nothing behind: all of it works for the next.
guest 'kill -9 $(pgrep -x 2virt-guest)'
sleep 1
wait_page
guest_wait 20 'test -S /run/2virt/char/echo.sock'
use_all
kernel_log_clean
