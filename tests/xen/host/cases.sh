# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Runs cases (tests/xen/cases/NAME.sh) in dom0, all in one boot. When Xen or
# QEMU dies or dom0 hangs, the case at work is tried once more in a new boot, in
# which the remaining ones run too; no more than max_boots of them. A failed case
# is tried once more at the end (the machine is slow and shared), up to three of
# them, and that is said. It leaves its logs in $out_dir/NAME.

max_boots=4
out_dir=${TV_BED_OUT:-$run_dir/out}

# case_field NAME FIELD DEFAULT: a "# FIELD: value" line of the case's head.
case_field() {
  local value
  value=$(sed -n "s/^# $2: *//p" "$bed_dir/cases/$1.sh" | head -n 1)
  printf '%s\n' "${value:-$3}"
}

all_cases() {
  local file
  for file in "$bed_dir"/cases/*.sh; do
    file=${file##*/}
    printf '%s\n' "${file%.sh}"
  done
}

# collect NAME: what the bed can tell about a failed case.
collect() {
  local dir=$out_dir/$1
  mkdir -p "$dir"
  cp "$run_dir/console.log" "$dir/dom0-console.log" 2> /dev/null || true
  cp -r "$share_dir/out/$1/." "$dir/" 2> /dev/null || true
}

# run_case NAME: 0 passed, 77 skipped, 125 machine lost, else failed.
run_case() {
  local name=$1 timeout_s rc=0 start
  timeout_s=$(case_field "$name" timeout 120)
  start=$(now_ms)
  mkdir -p "$out_dir/$name"
  if [ "$verbose" = yes ]; then
    bed_exec $((timeout_s + 60)) "bash /share/bed/dom0/run-case $name $timeout_s" 2>&1 |
      tee "$out_dir/$name/case.log" || rc=${PIPESTATUS[0]}
  else
    bed_exec $((timeout_s + 60)) "bash /share/bed/dom0/run-case $name $timeout_s" \
      > "$out_dir/$name/case.log" 2>&1 || rc=$?
  fi
  case_ms=$(($(now_ms) - start))
  return "$rc"
}

# bed_run [--keep] [--verbose] [CASE...]: all cases by default. The last line counts.
bed_run() {
  local keep=no verbose=no name rc passed=0 failed=0 skipped=0 boots=0 reason case_ms=0
  local -a todo=() retried=()
  while [[ ${1:-} == -* ]]; do
    case $1 in
    --keep) keep=yes ;;
    --verbose) verbose=yes ;;
    *) die "unknown option $1" ;;
    esac
    shift
  done
  [ "$*" = all ] && shift
  todo=("$@")
  [ ${#todo[@]} -gt 0 ] || mapfile -t todo < <(all_cases)
  for name in "${todo[@]}"; do
    [ -e "$bed_dir/cases/$name.sh" ] || die "no such case: $name"
  done
  bed_build
  rm -rf "$out_dir"
  mkdir -p "$out_dir"
  if qemu_alive; then
    stage_scripts
    boots=1
  else
    stage
  fi

  while [ ${#todo[@]} -gt 0 ]; do
    if ! bed_alive; then
      bed_stop
      if [ $boots -ge $max_boots ]; then
        for name in "${todo[@]}"; do
          printf 'FAIL %s (no machine to run it on)\n' "$name"
          failed=$((failed + 1))
        done
        break
      fi
      boots=$((boots + 1))
      bed_start || continue
    fi
    name=${todo[0]}
    todo=("${todo[@]:1}")
    rc=0
    run_case "$name" || rc=$?
    case $rc in
    0)
      passed=$((passed + 1))
      printf 'PASS %s (%d.%d s)\n' "$name" $((case_ms / 1000)) $((case_ms % 1000 / 100))
      rm -rf "${out_dir:?}/$name"
      ;;
    77)
      skipped=$((skipped + 1))
      reason=$(sed -n 's/^skip: //p' "$out_dir/$name/case.log" | head -n 1)
      printf 'SKIP %s: %s\n' "$name" "$reason"
      rm -rf "${out_dir:?}/$name"
      ;;
    125)
      printf 'LOST the machine in %s\n' "$name"
      collect "$name"
      bed_stop
      if [[ " ${retried[*]} " == *" $name "* ]]; then
        printf 'FAIL %s (the machine was lost): see %s\n' "$name" "$out_dir/$name"
        failed=$((failed + 1))
      else
        retried+=("$name")
        mv "$out_dir/$name" "$out_dir/$name.lost"
        todo=("$name" "${todo[@]}")
      fi
      ;;
    *)
      collect "$name"
      sed 's/^/    /' "$out_dir/$name/case.log" | tail -n 25
      if [[ " ${retried[*]} " == *" $name "* ]] || [ ${#retried[@]} -ge 3 ]; then
        failed=$((failed + 1))
        printf 'FAIL %s (%d s): see %s\n' "$name" $((case_ms / 1000)) "$out_dir/$name"
      else
        retried+=("$name")
        rm -rf "${out_dir:?}/$name.first"
        mv "$out_dir/$name" "$out_dir/$name.first"
        todo+=("$name")
        printf 'AGAIN %s failed (%d s) and is tried once more; see %s\n' "$name" \
          $((case_ms / 1000)) "$out_dir/$name.first"
      fi
      ;;
    esac
  done

  [ $keep = yes ] || bed_stop
  [ ${#retried[@]} = 0 ] || printf 'at the second try: %s\n' "${retried[*]}"
  printf 'xen: %d passed, %d failed, %d skipped\n' $passed $failed $skipped
  [ $failed = 0 ]
}
