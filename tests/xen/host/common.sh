# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Places, messages and small helpers that every host-side part of the bed uses.
# Sourced by tests/xen/bed; bed_dir (tests/xen) and top_dir are set there.

# The base (Debian files, images) is kept in the cache; what one running bed
# writes is in run_dir. Two beds at once need two run directories and two locks.
cache_dir=${TV_BED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/2virt/bed}
run_dir=${TV_BED_RUN:-$cache_dir/run}
lock_file=${TV_BED_LOCK:-$cache_dir/lock}
build_dir=${TV_BUILD:-$top_dir/build}

# What dom0 sees as /share (9p).
share_dir=$run_dir/share

say() {
  printf 'bed: %s\n' "$*" >&2
}

die() {
  printf 'bed: error: %s\n' "$*" >&2
  exit 1
}

# step N TOTAL TEXT: a progress line of a long job.
step() {
  printf '[%d/%d] %s\n' "$1" "$2" "$3" >&2
}

# Milliseconds since the epoch, without starting a process.
now_ms() {
  local t=$EPOCHREALTIME
  printf '%s\n' "${t%[.,]*}${t: -6:3}"
}

# pack_cpio DIR FILE: an uncompressed initramfs of DIR. Uncompressed because the
# emulated machine unpacks slower than it reads.
pack_cpio() {
  (cd "$1" && find . -mindepth 1 | LC_ALL=C sort |
    cpio --quiet -o -H newc -R 0:0) > "$2.tmp"
  mv "$2.tmp" "$2"
}
