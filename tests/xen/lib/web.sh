# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A cluster of web servers for tests: in the bed's dom0, and for tests/qemu on
# the host and in the guest.

# Server N listens on 127.0.0.1:(web_ports + N).
web_ports=${web_ports:-8000}
web_root=${web_root:-/tmp/web}

# start_web: three nginx. Each says its name in the
# header X-Server and on /name; /files/ is common to all and takes PUT.
start_web() {
  local n
  mkdir -p $web_root/files
  printf 'hello from the web cluster\n' > $web_root/files/hello.txt
  for n in 1 2 3; do
    start_web_server $n
  done
}

# start_web_server N
start_web_server() {
  local n=$1 dir=$web_root/server$1
  mkdir -p "$dir/temp"
  cat > "$dir/nginx.conf" << EOF
user root;
worker_processes 1;
pid $dir/pid;
error_log $dir/error.log warn;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  access_log $dir/access.log;
  client_body_temp_path $dir/temp/body;
  proxy_temp_path $dir/temp/proxy;
  fastcgi_temp_path $dir/temp/fastcgi;
  uwsgi_temp_path $dir/temp/uwsgi;
  scgi_temp_path $dir/temp/scgi;
  keepalive_requests 100000;
  client_max_body_size 0;
  sendfile on;
  add_header X-Server server$n always;
  server {
    listen 127.0.0.1:$((web_ports + n));
    root $web_root;
    location = / { default_type text/plain; return 200 "page from server$n\n"; }
    location = /name { default_type text/plain; return 200 "server$n\n"; }
    location = /headers { default_type text/plain;
      return 200 "host=\$http_host\ndomain=\$http_x_2virt_domain\nuuid=\$http_x_2virt_domain_uuid\nservice=\$http_x_2virt_service\n"; }
    location /files/ { dav_methods PUT DELETE; create_full_put_path on; }
    # 64 KiB/s, so that a test can interrupt a response that has begun.
    location /slow/ { alias $web_root/files/; limit_rate 64k; }
  }
}
EOF
  nginx -e "$dir/error.log" -c "$dir/nginx.conf"
}

# stop_web_server N: at once, with whatever it is sending. Master and worker
# together, or the master would start a new worker.
stop_web_server() {
  local pid
  local -a workers
  pid=$(cat "$web_root/server$1/pid" 2> /dev/null) || return 0
  mapfile -t workers < <(pgrep -P "$pid")
  kill -9 "$pid" "${workers[@]}" || true
  rm -f "$web_root/server$1/pid"
}

stop_web() {
  local n
  for n in 1 2 3; do
    stop_web_server $n
  done
  rm -rf $web_root
}
