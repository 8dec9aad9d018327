#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ping-pong and throughput of the buses of sockets, each beside a trivial device
# that does nothing but answer, on this machine and without a guest.
#
#   tests/bench/sockets.sh [BUILD-FOLDER]
#
# One line per figure:  figure<TAB>ours<TAB>unit<TAB>peer<TAB>its value<TAB>ratio
set -eu
build=${1:-${TV_BUILD:-.}}
bench=$build/tests/bench/socket-bench
dir=$(mktemp -d)
pids=
clean() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	wait 2>/dev/null || :
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM

# wait_socket PATH
wait_socket() {
	for _ in {1..50}; do
		[ -S "$1" ] && return
		sleep 0.1
	done
	echo "sockets: nobody listens on $1" >&2
	exit 1
}

for bus in usbip usbredir; do
	"$build/2virt-device" --bus "$bus:unix:$dir/ours-$bus" --device diag 2>"$dir/$bus.log" &
	pids="$pids $!"
	"$bench" floor $bus "$dir/floor-$bus" &
	pids="$pids $!"
	wait_socket "$dir/ours-$bus"
	wait_socket "$dir/floor-$bus"
	"$bench" $bus "$dir/ours-$bus" "$dir/floor-$bus"
done
