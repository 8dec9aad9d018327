# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced by every command that a case runs in the guest.

# device_path SERIAL: its folder in sysfs; fails if there is none.
device_path() {
  local file
  file=$(grep -lx "$1" /sys/bus/usb/devices/*/serial 2> /dev/null | head -n 1)
  [ -n "$file" ] && printf '%s\n' "${file%/serial}"
}

# attribute SERIAL NAME [INTERFACE]
attribute() {
  local dir
  dir=$(device_path "$1") || return
  [ -z "${3:-}" ] || dir=$dir/${dir##*/}:1.$3
  head -n 1 "$dir/$2" | sed 's/^ *//'
}

# usb_warnings: lines of warning and above (busybox' dmesg -r shows levels).
usb_warnings() {
  dmesg -r | grep '^<[0-4]>' | grep -iE 'usb|hci|BUG|Oops|WARN|hung' || true
}

# --- USB/IP: 2virt-device in the guest ---------------------------------------

# port_of NAME: each device has a server of its own; the first has USB/IP's port.
port_of() {
  [ -e "/run/bed/$1.port" ] ||
    echo $((3240 + $(find /run/bed -name '*.port' | wc -l))) > "/run/bed/$1.port"
  cat "/run/bed/$1.port"
}

start_device() {
  local name=$1
  shift
  setsid /usr/libexec/2virt/2virt-device --bus "usbip:tcp:127.0.0.1:$(port_of "$name")" "$@" \
    >> "/run/bed/$name.log" 2>&1 < /dev/null &
  echo $! > "/run/bed/$name.pid"
}

kill_device() {
  kill -"${2:-TERM}" "$(cat "/run/bed/$1.pid")"
}

plug() {
  local n
  modprobe -q vhci-hcd
  for n in {1..25}; do
    if usbip --tcp-port "$(port_of "$1")" attach -r 127.0.0.1 -b 1-1 > /run/bed/usbip.log 2>&1; then
      return 0
    fi
    sleep 0.2
  done
  cat /run/bed/usbip.log
  return 1
}

# vhci_port NAME: "Port 00: ..." is followed by "... usbip://127.0.0.1:PORT/1-1".
vhci_port() {
  usbip port 2> /dev/null | awk -v url="usbip://127.0.0.1:$(port_of "$1")/1-1" '
    /^Port/ { port = substr($2, 1, 2) }
    index($0, url) { print port; found = 1; exit }
    END { exit !found }'
}

unplug() {
  usbip detach -p "$(vhci_port "$1")" > /run/bed/usbip.log 2>&1
}
