# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A device process at work, looked at from dom0: who it is, what it may, what
# it sees, what it holds.
# timeout: 120

# status_is FIELD VALUE: of /proc/PID/status.
status_is() {
  expect_eq "$2" "$(awk -v f="$1:" '$1 == f {$1 = ""; print substr($0, 2)}' "/proc/$pid/status")" "$1"
}

# limit_is NAME VALUE: both limits of /proc/PID/limits.
limit_is() {
  expect_match "^$1 +$2 +$2 " "$(grep "^$1" "/proc/$pid/limits")" "limit"
}

start_web
start_2virtd
web_guest g pvh
pid=$(device_pid g)
uid=$((1879048192 + $(domid g)))

status_is Uid "$uid $uid $uid $uid"
status_is Gid "$uid $uid $uid $uid"
status_is Groups ""
status_is Threads 1
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
  status_is $set 0000000000000000
done
status_is NoNewPrivs 1
status_is Seccomp 2
expect_eq 0 "$(stat -c %u "/proc/$pid/mem")" "owner of its memory (not dumpable)"

limit_is 'Max core file size' 0
limit_is 'Max processes' 0
limit_is 'Max open files' 1024
limit_is 'Max address space' 1073741824

for ns in mnt ipc uts; do
  [ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] ||
    fail "it shares dom0's $ns name space"
done
expect_eq "" "$(ls -A "/proc/$pid/root/")" "its root"
# The last line is what it sees; an initramfs stays covered below.
expect_match ' ro,nosuid,nodev,noexec.* - tmpfs ' "$(tail -n 1 "/proc/$pid/mountinfo")" "its mount"

# What it holds: Xen's two devices, sockets, its loop, /dev/null and the log.
for fd in "/proc/$pid/fd"/*; do
  target=$(readlink "$fd") || continue
  case $target in
  /dev/xen/gntdev | /dev/xen/evtchn | /dev/null) ;;
  socket:* | pipe:* | anon_inode:*) ;;
  "$daemon_log") expect_eq 2 "${fd##*/}" "descriptor of the log" ;;
  *) fail "it holds $target" ;;
  esac
done

note "it works like that, and ends with the broker"
expect_match server "$(guest_curl g http://catalog/name)" page
pkill -9 -x 2virtd
wait_for 5 no_process 2virt-device
expect_no_match 'signal 31' "$(cat "$daemon_log")" "2virtd's log"
