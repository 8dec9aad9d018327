# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# 100 MiB down and up again, unchanged, over HTTP/1.1 and HTTP/2.
# timeout: 400

start_web
start_2virtd
web_guest g pvh "memory=512"
head -c 104857600 /dev/urandom > "$web_root/files/big"
want=$(sha256sum < "$web_root/files/big")
size=$((100 * 1024 * 1024))

note "down"
guest_curl g "-o /tmp/big -w 'down: %{size_download} bytes, %{speed_download} B/s\n' http://catalog/files/big" 120
expect_eq "$want" "$(guest_run g 'sha256sum < /tmp/big')" "sum of the download"
rm "$web_root/files/big"

note "up"
guest_curl g "-T /tmp/big -w 'up: %{size_upload} bytes, %{speed_upload} B/s, %{http_code}\n' http://catalog/files/up" 120
expect_eq "$size" "$(stat -c %s "$web_root/files/up")" "size of the upload"
expect_eq "$want" "$(sha256sum < "$web_root/files/up")" "sum of the upload"

note "down, HTTP/2"
expect_eq "$want" "$(guest_curl g "--http2-prior-knowledge http://catalog/files/up | sha256sum" 120)" \
  "sum of the download over HTTP/2"
