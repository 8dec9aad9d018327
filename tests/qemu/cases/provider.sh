# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# docs/providers.md as it stands: its program is a new service, the guest uses
# it, and a capture shows what went over USB.
# buses: usbredir

need python3 tshark
sed -n '/^```python$/,/^```$/p' "$top_dir/docs/providers.md" | sed '1d; $d' |
  sed "s|/tmp/clock.sock|$run_dir/clock.sock|" > "$run_dir/clock.py"
python3 "$run_dir/clock.py" &
echo $! > "$run_dir/clock.pid"
wait_for 10 test -S "$run_dir/clock.sock"

start_device char --device "char:clock=unix:$run_dir/clock.sock" \
  --capture-socket "unix:$run_dir/capture.sock"
plug char
guest_wait 20 'test -S /run/2virt/char/clock.sock'
"$run_dir/product/usr/sbin/2virt" capture "$run_dir/capture.sock" \
  -w "$run_dir/clock.pcapng" &
capture=$!
wait_for 5 test -s "$run_dir/clock.pcapng"
time='^[0-2][0-9]:[0-5][0-9]:[0-6][0-9]$'
expect_match "$time" "$(guest 'echo utc | 2virt-guest connect char:clock')" "2virt-guest connect"
expect_match "$time" "$(guest 'echo local | socat -t 5 - UNIX:/run/2virt/char/clock.sock')" "socat"
expect_match 'char +clock +ready' "$(guest '2virt-guest list')" "2virt-guest list"
kill $capture
wait $capture
decoded=$(tshark -n -r "$run_dir/clock.pcapng" -Y usb.capdata -T fields \
  -e usb.endpoint_address -e usb.capdata 2> /dev/null)
expect_match $'0x01\t7574630a' "$decoded" "the question, utc, in the capture"
expect_match $'0x82\t3[0-2]3[0-9]3a3[0-5]3[0-9]3a3[0-6]3[0-9]0a' "$decoded" "the answer in the capture"
