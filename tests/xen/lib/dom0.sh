# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Library of the cases; runs in dom0. A case is a file of shell commands that is
# run with "set -e": it passes if it reaches its end, fails with the first
# command that fails, and is skipped by "skip REASON". Its head may hold
# "# timeout: SECONDS" (default 120).
#
# Guests have no network card. Their names are of the case's choosing; they are
# destroyed after the case.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/usr/lib/xen-4.17/bin
export HOME=/root
# shellcheck source=/dev/null
. /share/bed/settings
# shellcheck source=/dev/null
. /share/bed/lib/case.sh
# shellcheck source=/dev/null
. /share/bed/lib/web.sh

console_logs=/var/log/xen/console
boot=/boot
state=/run/bed
mkdir -p $state

# --- guests -----------------------------------------------------------------

# create_guest NAME pvh|hvm [LINE...]: creates a guest from a config of ours and
# LINEs of xl config (a LINE replaces the default of the same key) and waits
# until it takes commands. One after the other is quicker than several at once.
create_guest() {
  start_guest "$@"
  if ! try_wait_up "$1" && guest_died "$1"; then
    # The emulator kills a guest now and then (xl dmesg: Triple fault).
    note "$1 died while booting, once more"
    xl destroy "$1"
    start_guest "$@"
  fi
  wait_up "$1"
}

# start_guest: as create_guest, without waiting for it to come up.
start_guest() {
  local name=$1 type=$2 cfg=$state/$1.cfg
  shift 2
  write_config "$name" "$type" "$@" > "$cfg"
  mark_log "$name"
  if ! xl create "$cfg" > "$state/$name.create.log" 2>&1; then
    cat "$state/$name.create.log"
    fail "xl create $name"
  fi
  note "created $name"
}

# write_config NAME pvh|hvm [LINE...]: an xl config on stdout.
write_config() {
  local name=$1 type=$2 line key
  local -A given=()
  shift 2
  for line in "$@"; do
    key=${line%%=*}
    given[${key// /}]=1
  done
  default() {
    [ -n "${given[${1%%=*}]:-}" ] || printf '%s\n' "$1"
  }
  default "name='$name'"
  default "type='$type'"
  default "vcpus=1"
  default "cpus='$(next_cpu)'"
  default "tsc_mode='native'"
  default "on_crash='preserve'"
  if [ "$type" = pvh ]; then
    default "memory=192"
    default "kernel='$boot/vmlinux'"
    default "ramdisk='$boot/guest.img'"
    default "extra='$guest_args pci=off'"
  else
    cp /share/guest/hvm.img "$state/$name.img"
    default "memory=224"
    default "vga='none'"
    default "vnc=0"
    default "sdl=0"
    default "hdtype='ahci'"
    default "boot='c'"
    default "disk=['format=raw,vdev=hda,access=rw,backendtype=qdisk,target=$state/$name.img']"
  fi
  printf '%s\n' "$@"
}

# Guests are pinned one by one to the CPUs dom0 does not use (1..3).
next_cpu() {
  local n
  n=$(cat $state/cpu 2> /dev/null || echo 0)
  echo $((n % 3 + 1)) | tee $state/cpu
}

# mark_log NAME: "up" is looked for behind the present end of the guest's log.
mark_log() {
  stat -c %s "$console_logs/guest-$1.log" > "$state/$1.mark" 2> /dev/null ||
    echo 0 > "$state/$1.mark"
}

# wait_up NAME [SECONDS]: until the guest takes commands (default 120 s). Call
# mark_log before whatever makes it boot again.
wait_up() {
  try_wait_up "$@" || fail "guest $1 did not come up: $(xl list "$1" 2>&1 | tail -n 1)"
  note "$1 is up"
}

# try_wait_up NAME [SECONDS]: 1 after the time or as soon as the guest has died.
try_wait_up() {
  local deadline=$((SECONDS + ${2:-120}))
  until /share/bed/guest-run - "$console_logs/guest-$1.log" up 5 "$(cat "$state/$1.mark")"; do
    if [ $SECONDS -ge $deadline ] || guest_died "$1"; then
      return 1
    fi
  done
}

# guest_died NAME: it is gone, has shut down or crashed.
guest_died() {
  local flags
  flags=$(xl list "$1" 2> /dev/null | awk 'NR == 2 {print $5}')
  [ -z "$flags" ] || [[ $flags == *[sc]* ]]
}

# guest_run NAME COMMAND [SECONDS]: the command's output and exit status (bash
# in the guest; 124 after SECONDS, default 30). Several may run at once.
guest_run() {
  local tty id
  id=$(domid "$1") || fail "no guest $1"
  tty=$(xenstore-read "/local/domain/$id/console/tty") || fail "guest $1 has no console"
  /share/bed/guest-run "$tty" "$console_logs/guest-$1.log" run "${3:-30}" "$2"
}

# guest_wait NAME SECONDS COMMAND: until the command succeeds in the guest.
guest_wait() {
  guest_run "$1" "n=0; until $3; do n=\$((n+1)); [ \$n -lt $(($2 * 5)) ] || exit 1; sleep 0.2; done" \
    $(($2 + 10)) || fail "guest $1, in vain waited for: $3"
}

domid() {
  xl domid "$1" 2> /dev/null
}

destroy_guest() {
  xl destroy "$1"
}

# triple_faults: how many guests died of the emulator's weaknesses or their own.
triple_faults() {
  xl dmesg | grep -c 'Triple fault' || true
}

# --- the product ------------------------------------------------------------

# install_product: copies the staged product over dom0's root (also later, for
# "bed refresh"), and what guests boot from into dom0's memory: xl maps those
# files, and page by page the share is ten times slower.
install_product() {
  cp -a /share/dom0/. /
  mkdir -p $boot
  cp /share/guest/{vmlinux,guest.img} $boot/
}

# need_product: skips the case unless dom0 has the daemon.
need_product() {
  need 2virtd
}

daemon_log=/var/log/2virtd.log

# start_2virtd [OPTION...]: the daemon, with the service "catalog" (the three
# web servers) and "shop" (the third alone) unless services.d has been filled.
start_2virtd() {
  need_product
  mkdir -p /etc/2virt/services.d
  if [ -z "$(ls /etc/2virt/services.d)" ]; then
    cat > /etc/2virt/services.d/test.conf << 'EOF'
[web:catalog]
upstream = http://127.0.0.1:8001
upstream = http://127.0.0.1:8002
upstream = http://127.0.0.1:8003

[web:shop]
upstream = http://127.0.0.1:8003
EOF
  fi
  setsid 2virtd --verbose "$@" >> $daemon_log 2>&1 < /dev/null &
  wait_for 10 xenstore-exists /tool/2virt/domain
}

stop_2virtd() {
  pkill -x 2virtd || return 0
  wait_for 10 no_process 2virtd
}

no_process() {
  ! pgrep -x "$1" > /dev/null
}

# grant NAME TYPE SERVICE: as an administrator does by hand. The daemon must
# have taken notice of the domain, or it would void the grant as an old one.
grant() {
  local path
  path=/tool/2virt/domain/$(domid "$1") || fail "no guest $1"
  wait_for 10 xenstore-exists "$path/uuid"
  xenstore-write "$path/grant/$2/$3" ""
}

revoke() {
  xenstore-rm "/tool/2virt/domain/$(domid "$1")/grant/$2/$3"
}

web_socket=/run/2virt/web/default.sock

# web_guest NAME pvh|hvm [LINE...]: a guest with a controller and the service
# "catalog", ready to be used.
web_guest() {
  local name=$1 type=$2
  shift 2
  create_guest "$name" "$type" "usbctrl=['type=pv,version=2,ports=8']" "$@"
  grant "$name" web catalog
  wait_web "$name"
}

# wait_web NAME [SECONDS]: until a page comes.
wait_web() {
  guest_wait "$1" "${2:-30}" \
    "curl -sf -m 5 -o /dev/null --unix-socket $web_socket http://catalog/name"
}

# guest_curl NAME ARGUMENTS [SECONDS]: curl in the guest on the web device.
guest_curl() {
  guest_run "$1" "curl -sS --unix-socket $web_socket $2" "${3:-30}"
}

# backend_state NAME [N]: XenbusState of its controller N.
backend_state() {
  xenstore-read "/local/domain/0/backend/vusb/$(domid "$1")/${2:-0}/state"
}

# Questions for wait_for.
backend_is() {
  [ "$(backend_state "$1" 2> /dev/null)" = "$2" ]
}

domid_is_new() {
  local id
  id=$(domid "$1") && [ "$id" != "$2" ]
}

no_backend() {
  ! xenstore-exists "/local/domain/0/backend/vusb/$1"
}

no_tree() {
  ! xenstore-exists "/tool/2virt/domain/$1"
}

# xl_save_restore NAME: both must succeed.
xl_save_restore() {
  xl save "$1" "$state/$1.save" > "$state/$1.save.log" 2>&1 || {
    cat "$state/$1.save.log"
    fail "xl save $1"
  }
  xl restore "$state/$1.save" > "$state/$1.restore.log" 2>&1 || {
    cat "$state/$1.restore.log"
    fail "xl restore $1"
  }
  rm "$state/$1.save"
}

# device_pid NAME: the device process of the guest (one controller).
device_pid() {
  local uid
  uid=$((1879048192 + $(domid "$1")))
  pgrep -u $uid -x 2virt-device
}

# xl_clean ARGUMENTS...: xl, which must succeed and say nothing of an error.
xl_clean() {
  local out rc=0
  out=$(xl "$@" 2>&1) || rc=$?
  [ $rc = 0 ] || fail "xl $* ended with $rc: $out"
  expect_no_match 'error|unable|warning' "$out" "xl $*"
}

# --- around a case ----------------------------------------------------------

collect_logs() {
  local dir=$1
  mkdir -p "$dir"
  xl dmesg > "$dir/xl-dmesg.txt" 2>&1
  xl list -v > "$dir/xl-list.txt" 2>&1
  timeout 10 xenstore-ls -fp > "$dir/xenstore.txt" 2>&1
  ps axww -o pid,user,stat,time,args > "$dir/ps.txt" 2>&1
  dmesg > "$dir/dom0-dmesg.txt"
  cp $console_logs/*.log $state/*.log $state/*.cfg /var/log/xen/*.log $daemon_log \
    "$dir/" 2> /dev/null
  cp -r $web_root/server*/*.log "$dir/" 2> /dev/null
  # What the guests' own logs say, if they still answer.
  local name
  xl list | tail -n +3 | while read -r name _; do
    guest_run "$name" 'dmesg | tail -n 60; tail -n 60 /run/bed/*.log' 8 \
      > "$dir/inside-$name.txt" 2>&1 < /dev/null
  done
  return 0
}

# clean_up: no guests, no daemon, no policy, no web servers.
clean_up() {
  local name n
  cd /root || return
  for n in 1 2 3; do
    xl list | tail -n +3 | while read -r name _; do
      timeout 20 xl destroy "$name" > /dev/null 2>&1 < /dev/null
    done
    [ "$(xl list | wc -l)" -le 2 ] && break
    sleep 1
  done
  pkill -x 2virtd
  for n in {1..30}; do
    no_process 2virtd && break
    sleep 0.2
  done
  pkill -9 -x 2virtd
  pkill -9 -x 2virt-device
  rm -rf /etc/2virt/*.d/* /var/lib/2virt
  : > $daemon_log
  stop_web 2> /dev/null
  xenstore-rm /tool/2virt 2> /dev/null
  rm -f $state/* $console_logs/guest-*.log
  [ "$(xl list | wc -l)" -le 2 ]
}
