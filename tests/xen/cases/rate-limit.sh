# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A rate of 1 MiB/s is held within 10 % over 10 s, by dom0's own count, with a
# burst of 64 KiB at most.
# timeout: 200

start_web
start_2virtd
web_guest g pvh
head -c 67108864 /dev/urandom > "$web_root/files/big"
path=/tool/2virt/domain/$(domid g)/grant/web/catalog


xenstore-write "$path/rate" 1048576 "$path/burst" 65536
sleep 1
guest_run g "curl -s -o /tmp/body --unix-socket $web_socket http://catalog/files/big & echo \$! > /tmp/pid; sleep 0.5; test -s /tmp/body"
# The guest's clock and dom0's run alike; the guest samples by its own.
line=$(guest_run g 'a=$(stat -c %s /tmp/body); s=$EPOCHREALTIME; sleep 10; b=$(stat -c %s /tmp/body); e=$EPOCHREALTIME; echo "$((b - a)) $((${e/./} - ${s/./}))"' 30)
read -r got us <<< "$line"
rate=$((got * 1000000 / us))
note "$got octets in $us us: $rate octets/s"
[ $rate -ge $((1048576 * 90 / 100)) ] || fail "too slow: $rate octets/s"
[ $rate -le $((1048576 * 110 / 100)) ] || fail "too fast: $rate octets/s"

note "the burst"
guest_run g 'kill $(cat /tmp/pid)' || true
sleep 2
# 256 KiB: a burst of 64 KiB is free, the rest takes 0.19 s or so.
line=$(guest_curl g "-o /tmp/part -r 0-262143 -w '%{time_total} %{size_download}' http://catalog/files/big")
note "256 KiB in ${line% *} s"
awk -v t="${line% *}" 'BEGIN { exit !(t >= 0.16) }' || fail "more than the burst came at once"
