# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# QEMU dies in the middle of a transfer and is started anew: 2virt-device goes
# on, and the next guest finds a fresh device. Then QEMU listens and the device
# connects.
# buses: usbredir
# order: 90
# timeout: 120

plug_web
on_platform 'head -c 16777216 /dev/urandom > $web_root/files/big'
guest "curl -sS --unix-socket $web_socket -o /tmp/body -m 60 http://catalog/slow/big > /dev/null 2>&1 & sleep 1"
device=$(cat "$run_dir/web.pid")
kill -9 "$(cat "$run_dir/qemu.pid")"
wait_for 10 grep -q 'peer of port 1 is gone' "$run_dir/web.log"
machine_start \
  -chardev "socket,id=c-web,path=$run_dir/web.usb,reconnect=1" \
  -device usb-redir,id=d-web,chardev=c-web,bus=xhci.0 \
  -chardev "socket,id=c-two,path=$run_dir/two.usb,server=on,wait=off" \
  -device usb-redir,id=d-two,chardev=c-two,bus=xhci.0
wait_page
expect_match '^page from server[123]$' "$(guest_curl http://catalog/)" "page after the restart"
expect_eq "$device" "$(cat "$run_dir/web.pid")" "2virt-device"
kill -0 "$device"

"$device_program" --bus "usbredir:connect:unix:$run_dir/two.usb" \
  --device 'char:echo=exec:exec cat' > "$run_dir/two.log" 2>&1 &
echo $! > "$run_dir/two.pid"
guest_wait 20 'test -S /run/2virt/char/echo.sock'
expect_eq hello "$(guest 'echo hello | 2virt-guest connect char:echo')" "echo"
# It goes and comes back; so does the device.
kill "$(cat "$run_dir/two.pid")"
guest_wait 10 '! test -e /run/2virt/char/echo.sock'
"$device_program" --bus "usbredir:connect:unix:$run_dir/two.usb" \
  --device 'char:echo=exec:exec cat' > "$run_dir/two.log" 2>&1 &
echo $! > "$run_dir/two.pid"
guest_wait 20 'test -S /run/2virt/char/echo.sock'
