# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Builds the base of the bed: everything that comes from Debian and not from
# this project. The result is images_dir:
#
#   xen            the hypervisor, an ELF file QEMU can boot
#   vmlinux        the kernel of dom0 and of PVH guests, uncompressed
#   vmlinuz        the same kernel for the boot disk of HVM guests
#   kernel-version its version ("6.1.0-NN-amd64")
#   dom0.img       initramfs of dom0
#   guest.img      initramfs of the guests, without our own files
#   guest-modules/ the kernel modules in it (depmod needs them all at once)
#   *.list         the files in the two initramfs
#   iso/           boot disk of HVM guests, without kernel and initramfs
#
# Packages are resolved by apt with an empty package database and unpacked, not
# installed: no maintainer script runs, and the host's own sources, keys and
# proxy settings are used. Downloads are kept in $cache_dir/debs, so a rebuild
# fetches only what has changed. Root and images are each keyed by what they
# are made from; a key that no longer fits is built anew, old ones are removed.

# What runs in dom0 and in the guests, beside what these depend on.
base_packages=(
  linux-image-amd64 xen-hypervisor-4.17-amd64
  xen-utils-4.17 xen-utils-common xenstore-utils qemu-system-xen seabios
  bash coreutils util-linux procps busybox-static strace socat curl nginx-light
  nghttp2-client nghttp2-proxy udev
  libusb-1.0-0 libuv1 libnghttp2-14 libhttp-parser2.9 libcurl4
  libjansson4 libinih1 libcap2 libseccomp2 libcap2-bin
)

# Commands of dom0; the other usual ones are busybox. (Debian's busybox prefers
# its own applets to these: start them from bash, not through an applet.)
xen_bin=/usr/lib/xen-4.17/bin
dom0_programs=(
  /usr/bin/bash /usr/bin/timeout /usr/bin/strace /usr/bin/socat /usr/bin/curl
  /usr/bin/{sha256sum,cksum,flock,setsid,pgrep,pkill,ps}
  /usr/sbin/nginx /usr/bin/h2load /usr/sbin/nghttpx
  "$xen_bin"/{xl,libxl-save-helper,xenstored,xenconsoled,xen-init-dom0}
  /usr/bin/xenstore-{ls,read,write,watch,list,rm,chmod,exists}
  /usr/libexec/xen-qemu-system-i386
)
dom0_files=(
  /usr/lib/xen-4.17/boot/hvmloader
  /usr/share/seabios/bios-256k.bin
  /usr/share/qemu/{linuxboot,linuxboot_dma,multiboot,pvh,kvmvapic}.bin
  /usr/share/qemu/keymaps/en-us
  /etc/nginx/mime.types
)
# Libraries our own programs link, beyond those of the programs above.
product_libs=(
  libxenstore.so.4 libxenevtchn.so.1 libxengnttab.so.1 libxenctrl.so.4.17
  libxenvchan.so.4.17
  libuv.so.1 libnghttp2.so.14 libhttp_parser.so.2.9 libcurl.so.4
  libjansson.so.4 libinih.so.1 libcap.so.2 libseccomp.so.2 libusb-1.0.so.0
  libudev.so.1
)
dom0_modules=(
  xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs
  virtio_pci 9pnet_virtio 9p tun
)

guest_programs=(
  /usr/bin/bash /usr/bin/timeout /usr/bin/strace /usr/bin/socat /usr/bin/curl
  /usr/bin/{sha256sum,cksum,flock,setsid,pgrep,pkill,ps}
  /usr/bin/h2load /usr/bin/udevadm
)
guest_modules=(
  usbcore usbmon cdc_ncm xen-evtchn xen-gntdev xen-gntalloc xenfs
)

# The version of the kernel the archive offers now, or nothing without lists.
candidate_kernel() {
  apt-cache depends linux-image-amd64 2> /dev/null |
    sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p'
}

# Sets root_dir and images_dir from the keys of what they are made from.
set_base_dirs() {
  local key kernel xen
  kernel=$(candidate_kernel)
  xen=$(apt-cache policy xen-hypervisor-4.17-amd64 2> /dev/null |
    sed -n 's/^ *Candidate: //p')
  # Without package lists (offline) any base that is there is good.
  if [ -z "$kernel" ] && [ -e "$cache_dir/images" ]; then
    images_dir=$(readlink -f "$cache_dir/images")
    root_dir=$(readlink -f "$cache_dir/root")
    return
  fi
  key=$(printf '%s\n' "${base_packages[@]}" "$kernel" "$xen" | sha256sum)
  root_dir=$cache_dir/root-${key:0:12}
  key=$({
    echo "$key"
    cat "$bed_dir/host/build.sh" "$bed_dir/dom0/init"
  } | sha256sum)
  images_dir=$cache_dir/images-${key:0:12}
}

# private_apt ARG...: apt-get that believes nothing is installed.
private_apt() {
  apt-get -y -q -o Dir::State::status="$cache_dir/empty-status" \
    -o Dir::Cache::archives="$cache_dir/debs" \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root \
    -o Acquire::Retries=3 "$@"
}

# list_packages: the file names of all packages of the base in debs.list. (apt
# leaves out what it has downloaded already, hence the empty archive folder.)
list_packages() {
  private_apt -o Dir::Cache::archives="$cache_dir/no-debs" -qq --print-uris \
    install "${base_packages[@]}" 2> "$cache_dir/apt.log" > "$cache_dir/uris" &&
    awk '{print $2}' "$cache_dir/uris" > "$cache_dir/debs.list"
}

download_packages() {
  private_apt --download-only install "${base_packages[@]}" > "$cache_dir/apt.log" 2>&1
}

# fetch_packages: all packages of the base in debs/; their names in debs.list.
# If that fails, the package lists may be older than the archive: refresh them
# and try once more.
fetch_packages() {
  mkdir -p "$cache_dir"/{debs,no-debs}/partial
  : > "$cache_dir/empty-status"
  if ! { list_packages && download_packages; }; then
    apt-get update -qq || true
    if ! { list_packages && download_packages; }; then
      tail -n 20 "$cache_dir/apt.log" >&2
      die "cannot download the bed's packages"
    fi
  fi
}

# unpack_root DIR: the packages as one merged-/usr tree.
unpack_root() {
  local dir=$1 name deb skip
  mkdir -p "$dir"/usr/{bin,sbin,lib,lib64} "$dir"/{proc,sys,dev,tmp}
  for name in bin sbin lib lib64; do
    ln -s "usr/$name" "$dir/$name"
  done
  # Never used in the bed, and most of the bulk.
  skip=(--exclude='./usr/share/doc*' --exclude='./usr/share/man*'
    --exclude='./usr/share/locale*' --exclude='./usr/share/i18n*'
    --exclude='./lib/modules/*/kernel/drivers/gpu*'
    --exclude='./lib/modules/*/kernel/sound*'
    --exclude='./lib/modules/*/kernel/drivers/media*')
  while read -r name; do
    deb=$cache_dir/debs/$name
    [ -e "$deb" ] || die "package $name was not downloaded"
    dpkg-deb --fsys-tarfile "$deb" |
      tar -x --keep-directory-symlink "${skip[@]}" -C "$dir"
  done < "$cache_dir/debs.list"
}

# carve_vmlinux VMLINUZ OUT: the xz stream in a bzImage, unpacked. An
# uncompressed kernel saves seconds of every emulated boot.
carve_vmlinux() {
  local offset
  offset=$(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | head -n 1 | cut -d: -f1)
  [ -n "$offset" ] || die "$1 holds no xz stream"
  # xz complains about what follows its stream; only the ELF matters.
  tail -c "+$((offset + 1))" "$1" | xz -dc --single-stream > "$2" 2> /dev/null || true
  [ "$(head -c 4 "$2" | tail -c 3)" = ELF ] || die "$1: no kernel found in it"
}

# add_files TARGET FILE...: files of the root, links followed.
add_files() {
  local target=$1 file
  shift
  for file in "$@"; do
    [ -e "$target$file" ] && continue
    mkdir -p "$target${file%/*}"
    cp -L --preserve=mode "$root_dir$file" "$target$file" ||
      die "the base lacks $file"
  done
}

# libraries_of FILE: the paths of the libraries it needs, inside the root.
libraries_of() {
  chroot "$root_dir" /lib64/ld-linux-x86-64.so.2 --list "$1" |
    grep -o '/[^ ]*' | sort -u
}

# add_programs TARGET FILE...: files with the libraries they need.
add_programs() {
  local target=$1 file libs
  shift
  for file in "$@"; do
    add_files "$target" "$file"
    mapfile -t libs < <(libraries_of "$file")
    add_files "$target" "${libs[@]}"
  done
}

# add_libs TARGET SONAME...
add_libs() {
  local target=$1 name path
  shift
  for name in "$@"; do
    path=/usr/lib/x86_64-linux-gnu/$name
    [ -e "$root_dir$path" ] || die "the base lacks $name"
    add_programs "$target" "$path"
  done
}

# add_modules TARGET MODULE...: kernel modules with what they depend on.
add_modules() {
  local target=$1 module file modules=lib/modules/$kernel_version
  shift
  mkdir -p "$target/usr/$modules"
  for module in "$@"; do
    modprobe -d "$root_dir" -S "$kernel_version" --show-depends "$module" ||
      die "the kernel lacks module $module"
  done | awk '$1 == "insmod" {print $2}' | sort -u |
    while read -r file; do
      file=${file#"$root_dir"}
      file=${file#/usr}
      mkdir -p "$target/usr${file%/*}"
      cp "$root_dir/usr$file" "$target/usr$file"
    done
  cp "$root_dir/$modules"/modules.{order,builtin,builtin.modinfo} \
    "$target/usr/$modules/"
  depmod -b "$target" "$kernel_version"
}

# make_skeleton DIR: folders, busybox and accounts that dom0 and guests share.
make_skeleton() {
  local dir=$1 name
  mkdir -p "$dir"/usr/{bin,sbin,lib,lib64,libexec} \
    "$dir"/{proc,sys,dev,tmp,run,root,etc} "$dir"/var/{log,lib,tmp,cache}
  for name in bin sbin lib lib64; do
    ln -s "usr/$name" "$dir/$name"
  done
  ln -s /run "$dir/var/run"
  chmod 1777 "$dir/tmp" "$dir/var/tmp"
  cp "$root_dir/usr/bin/busybox" "$dir/usr/bin/"
  "$root_dir/usr/bin/busybox" --list | while read -r name; do
    [ "$name" = busybox ] || ln -s busybox "$dir/usr/bin/$name"
  done
  ln -sf bash "$dir/usr/bin/sh"
  cat > "$dir/etc/passwd" << 'EOF'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
www-data:x:33:33:www-data:/:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
EOF
  cat > "$dir/etc/group" << 'EOF'
root:x:0:
daemon:x:1:
tty:x:5:
disk:x:6:
www-data:x:33:
nogroup:x:65534:
EOF
  echo '127.0.0.1 localhost' > "$dir/etc/hosts"
  echo 'hosts: files' > "$dir/etc/nsswitch.conf"
}

# forget_busybox TARGET FILE...: lets a real program take the place of busybox's.
forget_busybox() {
  local target=$1 file
  shift
  for file in "$@"; do
    rm -f "$target/usr/bin/${file##*/}"
  done
}

build_dom0_image() {
  local dir=$images_dir.tmp/dom0
  make_skeleton "$dir"
  forget_busybox "$dir" "${dom0_programs[@]}"
  mkdir -p "$dir"/{share,boot,etc/xen} "$dir"/var/lib/{xen,xenstored,nginx} \
    "$dir"/var/log/{xen/console,nginx}
  add_programs "$dir" "${dom0_programs[@]}"
  add_libs "$dir" "${product_libs[@]}"
  add_files "$dir" "${dom0_files[@]}"
  add_modules "$dir" "${dom0_modules[@]}"
  # Guests have no network cards and all disks are served by QEMU, so no
  # hotplug scripts; dom0's memory is fixed on Xen's command line.
  cat > "$dir/etc/xen/xl.conf" << 'EOF'
autoballoon="off"
run_hotplug_scripts=0
EOF
  cp "$bed_dir/dom0/init" "$dir/init"
  chmod 755 "$dir/init"
  (cd "$dir" && find . | sort) > "$images_dir.tmp/dom0.list"
  pack_cpio "$dir" "$images_dir.tmp/dom0.img"
}

build_guest_image() {
  local dir=$images_dir.tmp/guest
  make_skeleton "$dir"
  forget_busybox "$dir" "${guest_programs[@]}"
  add_programs "$dir" "${guest_programs[@]}"
  add_libs "$dir" libusb-1.0.so.0 libudev.so.1 libuv.so.1 libxenvchan.so.4.17
  mkdir -p "$dir/usr/lib/systemd"
  ln -s ../../bin/udevadm "$dir/usr/lib/systemd/systemd-udevd"
  mkdir -p "$dir"/etc/udev/rules.d "$dir"/usr/lib/udev/rules.d
  add_modules "$dir" "${guest_modules[@]}"
  (cd "$dir" && find . | sort) > "$images_dir.tmp/guest.list"
  cp -a "$dir/usr/lib/modules" "$images_dir.tmp/guest-modules"
  pack_cpio "$dir" "$images_dir.tmp/guest.img"
}

# The boot disk of HVM guests: isolinux as a hard disk image ("isohybrid"),
# because xl's kernel= makes QEMU copy the kernel byte by byte, which takes a
# minute under emulation.
build_iso_tree() {
  local dir=$images_dir.tmp/iso
  mkdir -p "$dir/isolinux"
  cp /usr/lib/ISOLINUX/isolinux.bin "$dir/isolinux/"
  cp /usr/lib/syslinux/modules/bios/ldlinux.c32 "$dir/isolinux/"
}

# bed_build: makes the base if it is not there; quiet and quick if it is.
bed_build() {
  local total=6 start
  set_base_dirs
  kernel_version=$(cat "$images_dir/kernel-version" 2> /dev/null || true)
  [ -n "$kernel_version" ] && return
  [ "$(id -u)" = 0 ] || die "building the bed needs root"
  start=$SECONDS
  mkdir -p "$cache_dir"
  exec {build_lock}> "$cache_dir/build.lock"
  flock "$build_lock"

  if [ ! -e "$root_dir/.complete" ]; then
    step 1 $total "fetching Debian packages of the bed"
    fetch_packages
    step 2 $total "unpacking $(wc -l < "$cache_dir/debs.list") packages"
    rm -rf "$cache_dir"/root-* "$cache_dir"/images-*
    unpack_root "$root_dir"
    touch "$root_dir/.complete"
  fi

  rm -rf "$cache_dir"/images-*
  mkdir -p "$images_dir.tmp"
  step 3 $total "hypervisor and kernel"
  kernel_version=$(basename "$root_dir"/boot/vmlinuz-*)
  kernel_version=${kernel_version#vmlinuz-}
  gunzip -c "$root_dir"/boot/xen-4.17-amd64.gz > "$images_dir.tmp/xen"
  cp "$root_dir/boot/vmlinuz-$kernel_version" "$images_dir.tmp/vmlinuz"
  carve_vmlinux "$images_dir.tmp/vmlinuz" "$images_dir.tmp/vmlinux"
  depmod -b "$root_dir" "$kernel_version"
  step 4 $total "dom0"
  build_dom0_image
  step 5 $total "guest"
  build_guest_image
  step 6 $total "boot disk of HVM guests"
  build_iso_tree
  echo "$kernel_version" > "$images_dir.tmp/kernel-version"
  rm -rf "$images_dir.tmp"/{dom0,guest}
  mv "$images_dir.tmp" "$images_dir"
  ln -sfn "$images_dir" "$cache_dir/images"
  ln -sfn "$root_dir" "$cache_dir/root"
  flock -u "$build_lock"
  say "base built in $((SECONDS - start)) s: Xen 4.17, Linux $kernel_version"
}

# bed_kernel_headers: prints the folder of the headers of the bed's kernel.
bed_kernel_headers() {
  bed_build
  local dir=/usr/src/linux-headers-$kernel_version log
  if [ ! -e "$dir/Makefile" ]; then
    log=$(DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "linux-headers-$kernel_version" 2>&1) ||
      die "cannot install linux-headers-$kernel_version: $log"
  fi
  printf '%s\n' "$dir"
}
