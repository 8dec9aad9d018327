# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Starts and stops the emulated machine and runs commands in its dom0. QEMU
# holds the lock file open as long as it lives, so one bed runs at a time.

# The processor: TCG's own, less what a PV dom0 or a guest does not survive there
# (SMAP and SMEP: dom0; RDTSCP: wrong intercept; XSAVE: PVH guests; LA57: Xen).
qemu_cpu=max,-smap,-smep,-rdtscp,-xsave,-la57
qemu_memory=${TV_BED_MEMORY:-3072}
dom0_memory=${TV_BED_DOM0_MEMORY:-1024}
boot_timeout_s=${TV_BED_BOOT_TIMEOUT:-90}

qemu_alive() {
  local pid
  pid=$(cat "$run_dir/qemu.pid" 2> /dev/null) || return 1
  kill -0 "$pid" 2> /dev/null
}

# bed_alive: QEMU runs and Xen has not died inside it.
bed_alive() {
  qemu_alive && ! grep -qaE 'Panic on CPU|Reboot in five seconds|FATAL TRAP' \
    "$run_dir/console.log"
}

# bed_start [LOCK_WAIT_S]: boots; returns when dom0 takes commands. 1 if it did
# not come up.
bed_start() {
  local start pid lock
  qemu_alive && die "the bed runs already (bed stop ends it)"
  mkdir -p "$run_dir"
  exec {lock}> "$lock_file"
  if ! flock -n "$lock"; then
    say "waiting for another bed to end"
    flock -w "${1:-3600}" "$lock" || die "another bed holds $lock_file"
  fi
  start=$(now_ms)
  rm -rf "$share_dir/ctl" "$run_dir/console.log"
  mkdir -p "$share_dir/ctl"
  : > "$run_dir/console.log"
  echo 1 > "$run_dir/next"

  qemu-system-x86_64 -machine pc -accel tcg,thread=multi -cpu $qemu_cpu \
    -smp 4 -m "$qemu_memory" -display none -vga none -monitor none -no-reboot \
    -nic none -name 2virt-bed \
    -chardev "socket,id=con,path=$run_dir/console.sock,server=on,wait=off,logfile=$run_dir/console.log" \
    -serial chardev:con \
    -kernel "$images_dir/xen" \
    -append "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=${dom0_memory}M,max:${dom0_memory}M dom0_max_vcpus=1 dom0_vcpus_pin spec-ctrl=no no-real-mode edd=off" \
    -initrd "$images_dir/vmlinux console=hvc0 quiet mitigations=off audit=0 nowatchdog cryptomgr.notests random.trust_cpu=on lsm=,$images_dir/dom0.img" \
    -virtfs "local,path=$share_dir,mount_tag=share,security_model=none,multidevs=remap" \
    > "$run_dir/qemu.log" 2>&1 < /dev/null &
  pid=$!
  disown
  echo "$pid" > "$run_dir/qemu.pid"
  exec {lock}>&-

  until [ -e "$share_dir/ctl/ready" ]; do
    if ! bed_alive; then
      say "Xen died while booting:"
      tail -n 15 "$run_dir/console.log" "$run_dir/qemu.log" >&2 || true
      bed_stop
      return 1
    fi
    if [ $(($(now_ms) - start)) -gt $((boot_timeout_s * 1000)) ]; then
      say "dom0 did not come up in $boot_timeout_s s:"
      tail -n 15 "$run_dir/console.log" >&2 || true
      bed_stop
      return 1
    fi
    sleep 0.1
  done
  bed_exec 60 '. /share/bed/lib/dom0.sh && install_product' || {
    say "the product could not be copied into dom0"
    bed_stop
    return 1
  }
  say "dom0 up after $((($(now_ms) - start) / 1000)) s"
}

bed_stop() {
  local pid
  pid=$(cat "$run_dir/qemu.pid" 2> /dev/null) || return 0
  kill "$pid" 2> /dev/null || true
  for _ in {1..50}; do
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2> /dev/null || true
  rm -f "$run_dir/qemu.pid"
}

# bed_exec TIMEOUT_S COMMAND: runs it in dom0's bash with the case library's
# path set up; output goes to our stdout as it comes. Exit status: the
# command's, 124 after TIMEOUT_S, 125 if the machine died or dom0 hangs.
bed_exec() {
  local timeout_s=$1 command=$2 n ctl=$share_dir/ctl offset=0 size deadline_ms
  qemu_alive || {
    say "the bed does not run (bed start)"
    return 125
  }
  n=$({
    flock 9
    n=$(cat "$run_dir/next")
    echo $((n + 1)) > "$run_dir/next"
    echo "$n"
  } 9> "$run_dir/next.lock")
  printf '%s\n' "$command" > "$ctl/$n.sh"
  printf 'exec timeout -k 5 %s bash /share/ctl/%s.sh\n' "$timeout_s" "$n" > "$ctl/$n.cmd.new"
  mv "$ctl/$n.cmd.new" "$ctl/$n.cmd"
  deadline_ms=$(($(now_ms) + (timeout_s + 30) * 1000))
  while :; do
    local done=no
    [ -e "$ctl/$n.rc" ] && done=yes
    size=$(stat -c %s "$ctl/$n.out" 2> /dev/null || echo 0)
    if [ "$size" -gt "$offset" ]; then
      tail -c "+$((offset + 1))" "$ctl/$n.out" | head -c $((size - offset))
      offset=$size
    fi
    [ $done = yes ] && break
    if ! bed_alive; then
      say "Xen or QEMU died"
      return 125
    fi
    if [ "$(now_ms)" -gt "$deadline_ms" ]; then
      say "dom0 does not answer"
      return 125
    fi
    sleep 0.1
  done
  return "$(cat "$ctl/$n.rc")"
}
