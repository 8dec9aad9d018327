# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Fills the share (dom0's /share) with what changes often: the bed's own scripts
# and the product. Quick enough to be done at every start;
# "bed refresh" does it again while the bed runs.
#
#   bed/           agent, case library, cases, guest-run
#   guest/         vmlinux, guest.img and hvm.img (boot disk) for guests
#   dom0/          what is copied over dom0's root: the product and its libraries
#   ctl/           the command channel (dom0/agent)
#   out/           logs of cases

# needed_libs ROOT LIST: the host's libraries that the programs below ROOT link
# and that are not in the image of which LIST names the files. Host and bed are
# the same Debian, so the host's are the right ones (libasan and so on).
needed_libs() {
  local root=$1 list=$2 file lib
  find "$root" -type f -perm /111 | while read -r file; do
    ldd "$file" 2> /dev/null | grep -o '=> /[^ ]*' | cut -c4- || true
  done | sort -u | while read -r lib; do
    grep -qxF "./usr/lib/x86_64-linux-gnu/${lib##*/}" "$list" || echo "$lib"
  done
}

add_needed_libs() {
  local root=$1 lib
  mkdir -p "$root/usr/lib/x86_64-linux-gnu"
  needed_libs "$root" "$2" | while read -r lib; do
    cp -L "$lib" "$root/usr/lib/x86_64-linux-gnu/"
  done
}

# install_product DIR: builds the product and installs it below DIR. A build_dir
# that is configured is taken as it is; else we keep one of our own in it.
install_product() {
  local dir=$build_dir log=$run_dir/product.log
  if [ ! -e "$dir/Makefile" ]; then
    dir=$build_dir/bed
    if [ ! -e "$dir/Makefile" ]; then
      say "configuring the product in $dir"
      mkdir -p "$dir"
      {
        { [ -x "$top_dir/configure" ] || "$top_dir/autogen.sh"; } &&
          (cd "$dir" && "$top_dir/configure" -q --prefix=/usr --sysconfdir=/etc \
            --localstatedir=/var)
      } > "$log" 2>&1 || product_failed
    fi
  fi
  product_build=$dir
  mkdir -p "$1"
  { make -s -C "$dir" -j"$(nproc)" && make -s -C "$dir" install DESTDIR="$1"; } \
    > "$log" 2>&1 || product_failed
}

# test_programs PATH...: the programs that tests want in /usr/bin of dom0 and of
# guests: those built in tests/xen/tools, and what the arguments name.
test_programs() {
  find "$product_build/tests/xen/tools" -maxdepth 1 -type f -perm /111 2> /dev/null || true
  [ $# = 0 ] || printf '%s\n' "$@"
}

# add_test_programs ROOT PATH...
add_test_programs() {
  local root=$1
  shift
  mkdir -p "$root/usr/bin"
  test_programs "$@" | while read -r file; do
    cp "$file" "$root/usr/bin/"
  done
}

product_failed() {
  tail -n 20 "$run_dir/product.log" >&2
  die "the product does not build, see $run_dir/product.log"
}

# build_module: the guest's driver in $run_dir/module, if its source is there.
# The source is copied, as kbuild writes beside it.
build_module() {
  local source=$top_dir/frontend-linux/driver work=$run_dir/module headers sum
  [ -e "$source/Kbuild" ] || return 0
  sum=$(cat "$source"/{*.[ch],Kbuild} "$top_dir"/protocol/*.h "$images_dir/kernel-version" |
    sha256sum)
  [ "$sum" = "$(cat "$work/sum" 2> /dev/null)" ] && return 0
  headers=$(bed_kernel_headers)
  rm -rf "$work"
  mkdir -p "$work/frontend-linux"
  cp -r "$source" "$work/frontend-linux/"
  cp -r "$top_dir/protocol" "$work/"
  make -s -C "$headers" M="$work/frontend-linux/driver" modules \
    > "$run_dir/module.log" 2>&1 || {
    tail -n 20 "$run_dir/module.log" >&2
    die "the guest's driver does not compile"
  }
  echo "$sum" > "$work/sum"
}

# guest_overlay PRODUCT DIR: what is ours in a guest, without libraries.
guest_overlay() {
  local product=$1 dir=$2 file
  rm -rf "$dir"
  mkdir -p "$dir"/{bed,usr/lib}
  cp "$bed_dir/guest/init" "$dir/init"
  cp "$bed_dir/guest/agent" "$dir/bed/agent"
  chmod 755 "$dir/init"
  # Of the product a guest has the guest daemon and its udev rules.
  (cd "$product" && find . -type f \( -name '2virt-guest' -o -path '*/udev/rules.d/*' \)) |
    while read -r file; do
      mkdir -p "$dir/${file%/*}"
      cp "$product/$file" "$dir/$file"
    done
}

# stage_guest PRODUCT: the guests' initramfs and boot disk.
stage_guest() {
  local product=$1 dir=$run_dir/guest-overlay module
  guest_overlay "$product" "$dir"
  # shellcheck disable=SC2086 # a list
  add_test_programs "$dir" ${TV_BED_GUEST_FILES:-}
  add_needed_libs "$dir" "$images_dir/guest.list"
  module=$run_dir/module/frontend-linux/driver/2virt-hcd.ko
  if [ -e "$module" ]; then
    cp -r "$images_dir/guest-modules" "$dir/usr/lib/modules"
    mkdir -p "$dir/usr/lib/modules/$kernel_version/extra"
    strip --strip-debug -o "$dir/usr/lib/modules/$kernel_version/extra/2virt-hcd.ko" "$module"
    ln -s usr/lib "$dir/lib"
    depmod -b "$dir" "$kernel_version"
    rm "$dir/lib"
  fi
  pack_cpio "$dir" "$run_dir/guest-overlay.img"

  # Each file is replaced as a whole: dom0 may be reading the old one.
  mkdir -p "$share_dir/guest"
  if ! cmp -s "$images_dir/kernel-version" "$share_dir/guest/version"; then
    cp "$images_dir/vmlinux" "$share_dir/guest/vmlinux"
    cp "$images_dir/kernel-version" "$share_dir/guest/version"
  fi
  cat "$images_dir/guest.img" "$run_dir/guest-overlay.img" > "$share_dir/guest/guest.img.tmp"
  mv "$share_dir/guest/guest.img.tmp" "$share_dir/guest/guest.img"
  make_hvm_disk
}

# Kernel arguments of every guest: quiet and without what costs time under
# emulation. pci=noearly is for HVM, PVH guests get pci=off instead.
guest_args="console=hvc0 quiet mitigations=off audit=0 nowatchdog cryptomgr.notests random.trust_cpu=on lsm= rootfstype=ramfs panic=-1"

make_hvm_disk() {
  local dir=$run_dir/hvm-disk
  rm -rf "$dir"
  cp -r "$images_dir/iso" "$dir"
  cp "$images_dir/vmlinuz" "$dir/vmlinuz"
  # Here, unlike for PVH, reading costs more than unpacking.
  zstd -q -3 "$share_dir/guest/guest.img" -o "$dir/guest.img"
  cat > "$dir/isolinux/isolinux.cfg" << EOF
default bed
prompt 0
label bed
  kernel /vmlinuz
  append initrd=/guest.img $guest_args pci=noearly
EOF
  xorriso -as mkisofs -quiet -o "$run_dir/hvm.img" -b isolinux/isolinux.bin \
    -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
    "$dir" > "$run_dir/hvm-disk.log" 2>&1 || die "no boot disk: see $run_dir/hvm-disk.log"
  isohybrid "$run_dir/hvm.img" >> "$run_dir/hvm-disk.log" 2>&1
  mv "$run_dir/hvm.img" "$share_dir/guest/hvm.img"
}

# stage: everything on the share but the running command channel.
stage() {
  local product=$run_dir/product tool=$run_dir/guest-run
  mkdir -p "$share_dir"/{ctl,bed,out}
  build_module
  rm -rf "$product"
  install_product "$product"
  stage_guest "$product"

  rm -rf "$share_dir/dom0.new"
  cp -a "$product" "$share_dir/dom0.new"
  # shellcheck disable=SC2086 # a list
  add_test_programs "$share_dir/dom0.new" ${TV_BED_DOM0_FILES:-}
  add_needed_libs "$share_dir/dom0.new" "$images_dir/dom0.list"
  rm -rf "$share_dir/dom0"
  mv "$share_dir/dom0.new" "$share_dir/dom0"

  if [ ! -e "$tool" ] || [ "$bed_dir/tools/guest-run.c" -nt "$tool" ]; then
    ${CC:-gcc} -static -O2 -Wall -o "$tool" "$bed_dir/tools/guest-run.c"
  fi
  stage_scripts
}

# stage_scripts: only the bed's own scripts; what a changed case needs.
stage_scripts() {
  rm -rf "$share_dir/bed.new"
  mkdir -p "$share_dir/bed.new"
  cp -r "$bed_dir"/{dom0,lib,cases,demo.sh} "$share_dir/bed.new/"
  cp "$run_dir/guest-run" "$share_dir/bed.new/"
  printf 'guest_args=%q\n' "$guest_args" > "$share_dir/bed.new/settings"
  rm -rf "$share_dir/bed"
  mv "$share_dir/bed.new" "$share_dir/bed"
}
