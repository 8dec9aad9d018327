# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Library of the cases; runs on the host. The same case runs on both buses:
#   usbredir  2virt-device on the host, plugged in by QEMU's usb-redir
#   usbip     2virt-device in the guest, plugged in by the usbip tool
# Web servers run beside 2virt-device.

# What the runner has set: shellcheck cannot see it.
: "${TV_CASE_BUS:?}" "${qemu_dir:?}" "${top_dir:?}" "${bed_dir:?}" "${run_dir:?}" "${share_dir:?}" "${images_dir:?}"
bus=$TV_CASE_BUS
# shellcheck source=/dev/null
. "$bed_dir/host/common.sh"
# shellcheck source=/dev/null
. "$bed_dir/host/boot.sh"
# shellcheck source=/dev/null
. "$qemu_dir/machine.sh"
# shellcheck source=/dev/null
. "$bed_dir/lib/case.sh"
# shellcheck source=/dev/null
. "$bed_dir/lib/web.sh"
PATH=$PATH:/usr/sbin

device_program=$(find "$run_dir/product" -type f -name 2virt-device)

# --- the guest --------------------------------------------------------------

# guest COMMAND [SECONDS]: output and exit status of bash in the guest.
guest() {
  bed_exec "${2:-30}" ". /share/bed/guest.sh
$1"
}

# guest_wait SECONDS COMMAND: until it succeeds.
guest_wait() {
  guest "n=0; until $2; do n=\$((n+1)); [ \$n -lt $(($1 * 5)) ] || exit 1; sleep 0.2; done" \
    $(($1 + 10)) || fail "in vain waited in the guest for: $2"
}

# hmp COMMAND: one command of QEMU's monitor, by QMP; what it says.
hmp() {
  local answer
  answer=$(printf '{"execute":"qmp_capabilities"}{"execute":"human-monitor-command","arguments":{"command-line":"%s"}}\n' "$1" |
    socat -t 0.3 - "UNIX-CONNECT:$run_dir/monitor.sock" | sed -n 's/^{"return": "\(.*\)"}.*/\1/p')
  [[ $answer != *Error* ]] || fail "monitor: $1: $answer"
  printf '%b' "$answer"
}

# --- devices ----------------------------------------------------------------

# start_device NAME OPTION...: 2virt-device, on its own socket. Options of the
# command line but --bus.
start_device() {
  local name=$1
  shift
  echo "$*" > "$run_dir/$name.options"
  if [ "$bus" = usbip ]; then
    local words
    words=$(printf ' %q' "$@")
    guest "start_device $name$words"
    return
  fi
  "$device_program" --bus "usbredir:unix:$run_dir/$name.usb" "$@" \
    >> "$run_dir/$name.log" 2>&1 < /dev/null &
  echo $! > "$run_dir/$name.pid"
  wait_for 5 test -S "$run_dir/$name.usb"
}

# kill_device NAME [SIGNAL]
kill_device() {
  if [ "$bus" = usbip ]; then
    guest "kill_device $*"
  else
    kill -"${2:-TERM}" "$(cat "$run_dir/$1.pid")"
    rm -f "$run_dir/$1.usb" "$run_dir/$1.pid"
  fi
}

# plug NAME: until the guest has the device.
plug() {
  if [ "$bus" = usbip ]; then
    guest "plug $1"
  else
    hmp "chardev-add socket,id=c-$1,path=$run_dir/$1.usb,reconnect=1"
    hmp "device_add usb-redir,id=d-$1,chardev=c-$1,bus=xhci.0"
  fi
}

unplug() {
  if [ "$bus" = usbip ]; then
    guest "unplug $1"
  else
    # The character device goes with it.
    hmp "device_del d-$1"
  fi
}

# start_upstreams: the web servers, where 2virt-device runs.
start_upstreams() {
  if [ "$bus" = usbip ]; then
    guest "web_ports=$web_ports; . /share/bed/web.sh; start_web"
  else
    start_web
  fi
}

# on_platform COMMAND: where 2virt-device runs.
on_platform() {
  if [ "$bus" = usbip ]; then
    guest "web_root=/tmp/web; $1" 60
  else
    bash -c "web_root=$web_root; $1"
  fi
}

catalog() {
  local n urls=
  for n in 1 2 3; do
    urls=$urls,http://127.0.0.1:$((web_ports + n))
  done
  echo "web:catalog=${urls#,}"
}

web_socket=/run/2virt/web/catalog.sock

# plug_web: the web cluster, until a page comes.
plug_web() {
  start_upstreams
  start_device web --device "$(catalog)"
  plug web
  wait_page
}

wait_page() {
  guest_wait 20 "curl -sf -m 5 -o /dev/null --unix-socket $web_socket http://catalog/name"
}

# guest_curl ARGUMENTS [SECONDS]
guest_curl() {
  guest "curl -sS --unix-socket $web_socket $1" "${2:-30}"
}

# kernel_log_clean: since the case began the guest's kernel has not warned of
# USB. That a device was pulled is no warning.
kernel_log_clean() {
  expect_eq "" "$(guest 'usb_warnings | tail -n +$(($(cat /run/bed/mark) + 1))')" \
    "kernel log of the guest"
}
