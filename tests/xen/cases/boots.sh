# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The bed itself: dom0, a PVH and an HVM guest come up and take commands.
# timeout: 120

create_guest h hvm
create_guest p pvh
xl list

expect_eq "HVM" "$(guest_run h 'cat /sys/hypervisor/guest_type')" "type of h"
expect_eq "PVH" "$(guest_run p 'cat /sys/hypervisor/guest_type')" "type of p"

# No network card in either: only the loopback device.
for guest in h p; do
  expect_eq "lo" "$(guest_run $guest 'ls /sys/class/net')" "network devices of $guest"
done

# The command channel: exit status, large output, noise of the kernel, several
# commands at once, a command that takes too long.
rc=0
guest_run h 'echo out; echo err >&2; exit 7' > /tmp/out || rc=$?
expect_eq 7 $rc "exit status"
expect_eq "out err" "$(tr '\n' ' ' < /tmp/out | sed 's/ $//')" "output"
note "channel: status and output"
want=$(guest_run p 'seq 6000 | sha256sum')
guest_run p 'for i in $(seq 40); do echo "<0>noise $i" > /dev/kmsg; sleep 0.05; done' &
noise=$!
expect_eq "$want" "$(guest_run p 'seq 6000' | sha256sum)" "large output beside kernel messages"
wait $noise
note "channel: noise"
rc=0
guest_run p 'sleep 60' 2 || rc=$?
expect_eq 124 $rc "status after a timeout"
note "channel: timeout"

start_web
expect_match 'page from server2' "$(curl -s http://127.0.0.1:8002/)" "web server"
expect_eq 0 "$(triple_faults)" "triple faults"
