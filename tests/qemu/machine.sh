# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The machine of tests/qemu: the bed's kernel and guest, booted by QEMU itself
# without Xen and without a network card. What runs in the guest is what runs in
# a guest of the Xen bed; beside it lie the usbip tool, 2virt-device and nginx.
# Sourced by tests/qemu/run after the parts of tests/xen/host it uses.

boot_timeout_s=${TV_BED_BOOT_TIMEOUT:-90}
# A controller for usb-redir, and what reaches the share.
machine_modules=(
  virtio_pci 9pnet_virtio 9p xhci-pci vhci-hcd
)

# bed_alive: for bed_exec.
bed_alive() {
  qemu_alive && ! grep -qa 'Kernel panic' "$run_dir/console.log"
}

# add_usbip_server DIR: what a developer's own machine has.
add_usbip_server() {
  local dir=$1 product=$run_dir/product
  mkdir -p "$dir"/usr/{sbin,libexec/2virt} "$dir"/var/l{ib,og}/nginx
  cp "$(find "$product" -type f -name 2virt-device)" "$dir/usr/libexec/2virt/"
  cp "$(PATH=$PATH:/usr/sbin command -v usbip)" "$dir/usr/sbin/"
  add_programs "$dir" /usr/sbin/nginx
  add_files "$dir" /etc/nginx/mime.types
  # usbip looks names up here and complains if it cannot.
  mkdir -p "$dir/usr/share/misc"
  : > "$dir/usr/share/misc/usb.ids"
}

# stage_machine: the initramfs, and the share with what the guest sources.
stage_machine() {
  local dir=$run_dir/overlay
  rm -rf "$run_dir/product"
  install_product "$run_dir/product"
  guest_overlay "$run_dir/product" "$dir"
  # As in the image below it, while files are put in.
  mkdir -p "$dir"/usr/lib64
  ln -s usr/lib usr/lib64 "$dir/"
  add_usbip_server "$dir"
  add_needed_libs "$dir" "$images_dir/guest.list"
  cp -r "$images_dir/guest-modules" "$dir/usr/lib/modules"
  add_modules "$dir" "${machine_modules[@]}"
  rm "$dir/lib" "$dir/lib64"
  pack_cpio "$dir" "$run_dir/overlay.img"
  cat "$images_dir/guest.img" "$run_dir/overlay.img" > "$run_dir/guest.img"

  rm -rf "$share_dir"
  mkdir -p "$share_dir"/{ctl,bed}
  cp "$bed_dir/dom0/agent" "$bed_dir/lib/web.sh" "$qemu_dir/lib/guest.sh" \
    "$share_dir/bed/"
}

# machine_start [ARGUMENT...]: boots; returns when the guest takes commands.
machine_start() {
  local start pid
  start=$(now_ms)
  rm -rf "$share_dir/ctl"
  mkdir -p "$share_dir/ctl"
  echo 1 > "$run_dir/next"
  : > "$run_dir/console.log"
  qemu-system-x86_64 -machine pc -accel tcg,thread=multi -cpu max \
    -smp 2 -m "${TV_QEMU_MEMORY:-1024}" -display none -vga none -no-reboot \
    -nic none -name 2virt-qemu \
    -serial "file:$run_dir/console.log" \
    -qmp "unix:$run_dir/monitor.sock,server=on,wait=off" \
    -kernel "$images_dir/vmlinux" -initrd "$run_dir/guest.img" \
    -append "console=ttyS0 quiet mitigations=off audit=0 nowatchdog cryptomgr.notests random.trust_cpu=on lsm= rootfstype=ramfs panic=-1 bed.share" \
    -device qemu-xhci,id=xhci \
    -virtfs "local,path=$share_dir,mount_tag=share,security_model=none,multidevs=remap" \
    "$@" > "$run_dir/qemu.log" 2>&1 < /dev/null &
  pid=$!
  disown
  echo "$pid" > "$run_dir/qemu.pid"
  until [ -e "$share_dir/ctl/ready" ]; do
    if ! bed_alive || [ $(($(now_ms) - start)) -gt $((boot_timeout_s * 1000)) ]; then
      say "the guest did not come up:"
      tail -n 15 "$run_dir/console.log" "$run_dir/qemu.log" >&2 || true
      bed_stop
      return 1
    fi
    sleep 0.1
  done
  say "guest up after $((($(now_ms) - start) / 1000)) s"
}

# export_case_settings: for the cases, which are processes of their own. A case
# may end the machine and start it again, so it gets the way as well.
export_case_settings() {
  web_ports=$((20000 + $$ % 20000))
  export qemu_dir bed_dir top_dir run_dir share_dir images_dir web_ports
  export web_root=$run_dir/web
}
