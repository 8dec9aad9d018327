# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The part of the benchmark that runs in dom0 of the bed (tests/bench/run). The
# case library of tests/xen/lib/dom0.sh is loaded. Prints lines
# "figure<TAB>value<TAB>unit"; what they are compared with is decided by run.

web=/run/2virt/web/default.sock
pids=()

# cpu_ticks PID: user and system time, in ticks of 10 ms.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# uss PID: private memory in KiB.
uss() { awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$1/smaps_rollup"; }

start_web
cp /dev/null /tmp/web/files/big
head -c 67108864 /dev/urandom > /tmp/web/files/big
mkdir -p /etc/2virt/services.d
printf '[web:catalog]\nupstream = http://127.0.0.1:8001\n' > /etc/2virt/services.d/bench.conf
start_2virtd
broker=$(pgrep -x 2virtd)
# Two controllers are two device processes: what they share (the libraries' text)
# is not private memory of either.
controller="'type=pv,version=2,ports=8'"
create_guest bench pvh "usbctrl=[$controller, $controller]" > /dev/null
id=$(domid bench)
grant bench web catalog
grant bench diag bench
guest_wait bench 20 'test -S /run/2virt/diag/bench.sock -a -S /run/2virt/web/default.sock'
device=$(pgrep -o -x 2virt-device)

# Memory at rest, before anything has gone through.
sleep 1
printf 'uss-2virtd\t%s\tKiB\n' "$(uss $broker)"
printf 'uss-2virt-device\t%s\tKiB\n' "$(uss "$device")"

# Web, through 2virt-guest as users do.
page() { guest_run bench "h2load -n $1 -c 1 -m $2 --base-uri=unix:$web http://catalog/name" 120 |
  sed -nE 's/^finished in .*, ([0-9.]+) req\/s.*/\1/p'; }
page 2000 32 > /dev/null
sleep 3
warm=$(uss "$device")
printf 'web-1\t%s\treq/s\n' "$(page 500 1)"
requests=10000
device_before=$(cpu_ticks "$device") broker_before=$(cpu_ticks "$broker")
rate=$(page $requests 32)
device_ticks=$(($(cpu_ticks "$device") - device_before))
broker_ticks=$(($(cpu_ticks "$broker") - broker_before))
printf 'web-32\t%s\treq/s\n' "$rate"
# A tick is 10 ms.
per_request() { awk -v t="$2" -v n=$requests -v f="$1" 'BEGIN { printf "%s\t%.1f\tus/req\n", f, t * 10000 / n }'; }
per_request cpu-2virt-device $device_ticks
per_request cpu-2virtd $broker_ticks
sleep 3
printf 'uss-2virt-device-after\t%s\tKiB\n' "$(uss "$device")"
printf 'uss-growth-10000\t%s\tKiB\n' $(($(uss "$device") - warm))
speed=$(guest_run bench "curl -s -o /dev/null -w '%{speed_download}' --unix-socket $web http://catalog/files/big" 120)
awk -v s="$speed" 'BEGIN { printf "web-body\t%.2f\tMiB/s\n", s / 1048576 }'

# USB, straight on the driver.
# 2virt-guest holds the interfaces; whoever starts it anew is stopped first.
guest_run bench 'pid=$(pidof 2virt-guest)
  kill -STOP $(sed -n "s/^PPid:[[:space:]]*//p" /proc/$pid/status)
  kill $pid; while [ -e /proc/$pid/fd/0 ]; do sleep 0.1; done'
guest_run bench 'usb-bench control' 60
guest_run bench 'usb-bench in 512 16384 65536 1048576' 120
guest_run bench 'usb-bench out 512 16384 65536 1048576' 120

# The peer.
modprobe -q xen-gntalloc || true
path=/local/domain/0/data/2virt-bench
vchan-bench server "$id" $path &
pids+=($!)
sleep 1
guest_run bench "modprobe -q xen-gntdev; modprobe -q xen-evtchn; vchan-bench client 0 $path" 120

xl destroy bench
stop_2virtd
wait "${pids[@]}" 2> /dev/null || true
