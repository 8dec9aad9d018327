#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CPU per proxied small request: our web function against nghttpx, side by
# side on the same nginx, without the USB leg.  Needs nginx, nghttpx, h2load.
#
#   tests/bench/web-cpu.sh [BUILD-FOLDER]
#
# RATE=OCTETS puts a rate in force on ours.
#
# One line per figure:  figure<TAB>ours<TAB>unit<TAB>peer<TAB>its value<TAB>ratio
set -eu
build=${1:-${TV_BUILD:-.}}
requests=${REQUESTS:-30000}
rounds=${ROUNDS:-3}
dir=$(mktemp -d)
chmod 755 "$dir" # nginx drops its rights
pids=
clean() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	wait 2>/dev/null || :
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM
PATH=$PATH:/usr/sbin
for tool in nginx nghttpx h2load; do
	command -v "$tool" >/dev/null || {
		echo "web-cpu: $tool is missing: apt-get install nginx-light nghttp2" >&2
		exit 77
	}
done

# free_port: a loopback port nobody listens on.
free_port() {
	port=$(shuf -i 20000-50000 -n 1)
	while (exec 3<>/dev/tcp/127.0.0.1/"$port") 2>/dev/null; do
		port=$((port + 1))
	done
	echo "$port"
}
up=$(free_port)
mkdir "$dir/www"
head -c 200 /dev/zero | tr '\0' x >"$dir/www/small"
cat >"$dir/nginx.conf" <<END
daemon off; worker_processes 1; pid $dir/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path $dir/a; proxy_temp_path $dir/b; fastcgi_temp_path $dir/c;
  uwsgi_temp_path $dir/d; scgi_temp_path $dir/e;
  server { listen 127.0.0.1:$up; root $dir/www; }
}
END
nginx -p "$dir" -c "$dir/nginx.conf" 2>/dev/null &
pids="$pids $!"
nghttpx --no-ocsp -f"unix:$dir/peer;no-tls" -b"127.0.0.1,$up" -n1 \
	--accesslog-file=/dev/null --errorlog-file="$dir/nghttpx.log" \
	--conf=/dev/null --single-process >/dev/null 2>&1 &
peer_pid=$!
pids="$pids $peer_pid"
"$build/tests/bench/web-cpu" "$dir/ours" "http://127.0.0.1:$up" localhost ${RATE:-} &
our_pid=$!
pids="$pids $our_pid"
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ -S "$dir/ours" ] && [ -S "$dir/peer" ] && break
	sleep 0.3
done
sleep 0.5

# cpu PID: the CPU time of all its threads so far, in µs.
cpu() { awk '{ ns += $1 } END { print int(ns / 1000) }' "/proc/$1/task/"*/schedstat; }

# load SOCKET CLIENTS STREAMS: the requests, or fails.  h2load calls the host of
# a unix socket "localhost".
load() {
	h2load -p h2c -B "unix:$1" -n "$requests" -c "$2" -m "$3" \
		http://localhost/small >"$dir/load" 2>&1
	grep -q "status codes: $requests 2xx" "$dir/load" || {
		cat "$dir/load" >&2
		exit 1
	}
}

# measure NAME CLIENTS STREAMS: the two take turns, so that what else the
# machine does meets both; the best round of each counts.
measure() {
	ours= theirs=
	for round in $(seq "$rounds"); do
		before=$(cpu "$our_pid"); load "$dir/ours" "$2" "$3"
		us=$(($(cpu "$our_pid") - before))
		[ -n "$ours" ] && [ "$ours" -le "$us" ] || ours=$us
		before=$(cpu "$peer_pid"); load "$dir/peer" "$2" "$3"
		us=$(($(cpu "$peer_pid") - before))
		[ -n "$theirs" ] && [ "$theirs" -le "$us" ] || theirs=$us
	done
	awk -v name="$1" -v a="$ours" -v b="$theirs" -v n="$requests" 'BEGIN {
		printf "%s\t%.1f\tus\tnghttpx\t%.1f\t%.2f\n", name, a / n, b / n, a / b
	}'
}

measure web-cpu-1 1 1
measure web-cpu-32 1 32
measure web-cpu-4x8 4 8
