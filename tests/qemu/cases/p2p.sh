# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A point-to-point link whose two ends are both in this guest: octets both ways
# at once, ends, roles, and what a program sees when the other goes away.
# order: 35

start_device p2p --device p2p:there=listen@wire --with p2p:here=connect@wire
plug p2p
socket=/run/2virt/p2p
guest_wait 20 "test -S $socket/here.sock -a -S $socket/there.sock"

# Who listens is there first; who connects comes to it.
guest "socat -t 20 UNIX:$socket/there.sock EXEC:cat & echo \$! > /tmp/cat.pid"
expect_eq hello "$(guest "echo hello | socat -t 20 - UNIX:$socket/here.sock")" "echo over the link"
guest "head -c 8388608 /dev/urandom > /tmp/octets"
want=$(guest 'sha256sum < /tmp/octets')
guest "socat -u UNIX:$socket/there.sock - | sha256sum > /tmp/sum & "
guest "2virt-guest connect p2p:here < /tmp/octets" 60
guest_wait 10 'test -s /tmp/sum'
expect_eq "$want" "$(guest 'cat /tmp/sum')" "sum of 8 MiB one way"
# Both ways at once, by 2virt-guest connect on both sides.
guest "2virt-guest connect p2p:there < /tmp/octets > /tmp/from-here & echo \$! > /tmp/there.pid"
guest "2virt-guest connect p2p:here < /tmp/octets > /tmp/from-there" 60
guest_wait 20 "! kill -0 \$(cat /tmp/there.pid) 2> /dev/null"
expect_eq "$want" "$(guest 'sha256sum < /tmp/from-here')" "sum of 8 MiB there"
expect_eq "$want" "$(guest 'sha256sum < /tmp/from-there')" "sum of 8 MiB back"
# Whoever is killed ends the other, soon.
guest "socat -u UNIX:$socket/there.sock OPEN:/dev/null & echo \$! > /tmp/sink.pid
  (while :; do echo x; sleep 0.05; done) | socat - UNIX:$socket/here.sock > /dev/null 2>&1 & echo \$! > /tmp/source.pid
  sleep 1; kill -9 \$(cat /tmp/sink.pid)"
guest_wait 3 "! kill -0 \$(cat /tmp/source.pid) 2> /dev/null"
# ... and the next connection has nothing of it.
guest "socat -t 20 UNIX:$socket/there.sock EXEC:cat &"
expect_eq again "$(guest "echo again | socat -t 20 - UNIX:$socket/here.sock")" "echo after a kill"
kernel_log_clean
