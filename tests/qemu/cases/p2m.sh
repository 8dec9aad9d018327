# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A network card on a TAP: the guest's own cdc_ncm binds, link-local IPv6 works
# without any address being given, TCP carries octets unchanged both ways, a
# spoofed MAC does not get out.
# order: 36
# buses: usbredir

[ "$(id -u)" = 0 ] || skip "a TAP needs root on the host"
tap=tv2m$$
start_device p2m --device "p2m:cluster=$tap"
ip link set "$tap" up
plug p2m
guest 'modprobe -q cdc_ncm || true'
guest_wait 20 'ls -d /sys/bus/usb/drivers/cdc_ncm/*/net/*'
nic=$(guest 'basename /sys/bus/usb/drivers/cdc_ncm/*/net/*')
note "the guest's network card is $nic"
guest "ip link set $nic up"
guest_wait 10 "grep -qx 1 /sys/class/net/$nic/carrier"
mac=$(guest "cat /sys/class/net/$nic/address")
expect_match '^.[26ae]:' "$mac" "a locally administered MAC"
expect_eq 1500 "$(guest "cat /sys/class/net/$nic/mtu")" "MTU"

guest_wait 10 "ip -6 addr show dev $nic | grep -q 'inet6 fe80.*link' && ! ip -6 addr show dev $nic | grep -q tentative"
there=$(ip -6 -o addr show dev "$tap" scope link | sed -n 's/.*inet6 \([^/]*\).*/\1/p')
guest_wait 10 "ping -6 -c 1 -W 2 -I $nic $there"
guest "ping -6 -c 5 -i 0.2 -W 2 -s 1400 -I $nic $there" 30

head -c 4194304 /dev/urandom > "$run_dir/octets"
want=$(sha256sum < "$run_dir/octets")
socat -u "FILE:$run_dir/octets" TCP6-LISTEN:7001,reuseaddr &
got=$(guest "socat -u 'TCP6:[$there%$nic]:7001,retry=20,interval=0.2' - | tee /tmp/octets | sha256sum" 60)
expect_eq "$want" "$got" "sum of 4 MiB to the guest"
wait $!
socat -u TCP6-LISTEN:7002,reuseaddr "CREATE:$run_dir/back" &
guest "socat -u FILE:/tmp/octets 'TCP6:[$there%$nic]:7002,retry=20,interval=0.2'" 60
wait $!
expect_eq "$want" "$(sha256sum < "$run_dir/back")" "sum of 4 MiB from the guest"

# Another MAC gets nothing out.
before=$(cat "/sys/class/net/$tap/statistics/rx_packets")
guest "ip link set $nic down; ip link set $nic address 02:00:00:00:66:66; ip link set $nic up; sleep 1"
guest "ping -6 -c 2 -W 1 -I $nic $there" 10 && fail "a spoofed MAC is heard"
expect_eq "$before" "$(cat "/sys/class/net/$tap/statistics/rx_packets")" "frames that came from it"
kernel_log_clean
