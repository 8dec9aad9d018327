# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One guest floods the host with requests: another one's small requests take at
# most twice as long as while the first only burns CPU.
# timeout: 300

start_web
start_2virtd
web_guest quiet pvh
web_guest greedy pvh
head -c 67108864 /dev/urandom > "$web_root/files/big"

# median_us: of 60 small requests of the quiet guest, one after the other.
median_us() {
  guest_run quiet "for n in \$(seq 60); do curl -s -o /dev/null -w '%{time_total}\n' --unix-socket $web_socket http://catalog/name; done" 90 |
    sort -n | awk '{ t[NR] = $1 } END { print int(t[int((NR + 1) / 2)] * 1000000) }'
}

note "the other burns CPU"
guest_run greedy '(while :; do :; done) > /dev/null 2>&1 < /dev/null & echo $! > /tmp/burn'
burning=$(median_us)
guest_run greedy 'kill $(cat /tmp/burn)'

note "the other floods"
guest_run greedy "(while :; do curl -s -o /dev/null --unix-socket $web_socket http://catalog/files/big http://catalog/name; done) > /dev/null 2>&1 < /dev/null & echo \$! > /tmp/one
(while :; do curl -s -o /dev/null --unix-socket $web_socket http://catalog/files/big; done) > /dev/null 2>&1 < /dev/null & echo \$! > /tmp/two
(while :; do curl -s -o /dev/null -T /etc/passwd --unix-socket $web_socket http://catalog/files/up; done) > /dev/null 2>&1 < /dev/null & echo \$! > /tmp/three"
sleep 2
flooded=$(median_us)
note "median $burning us while it burns CPU, $flooded us while it floods"
[ "$flooded" -le $((2 * burning)) ] || fail "the flood made small requests $((flooded * 100 / burning)) % as long"
