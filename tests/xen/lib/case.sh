# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every case may say and expect, wherever it runs: in the bed's dom0 and,
# for tests/qemu, on the host.

note() {
  local up _
  read -r up _ < /proc/uptime
  printf '[%7s] %s\n' "$up" "$*"
}

fail() {
  printf 'fail: %s\n' "$*"
  reason_said=yes
  exit 1
}

skip() {
  printf 'skip: %s\n' "$*"
  exit 77
}

# need PROGRAM...: skips the case unless the programs are there.
need() {
  local program
  for program in "$@"; do
    command -v "$program" > /dev/null || skip "$program is not installed where the case runs"
  done
}

# say_where STATUS WHERE: on exit of a case (case-shell).
say_where() {
  if [ "$1" != 0 ] && [ "$1" != 77 ] && [ "${reason_said:-no}" = no ]; then
    printf 'fail: status %s at %s\n' "$1" "$2"
  fi
}

# --- expectations -----------------------------------------------------------

# expect_eq WANT GOT [WHAT]
expect_eq() {
  [ "$1" = "$2" ] || fail "${3:-value}: expected '$1', got '$2'"
}

# expect_match REGEX TEXT [WHAT]
expect_match() {
  [[ $2 =~ $1 ]] || fail "${3:-text}: expected /$1/, got '$2'"
}

# expect_no_match REGEX TEXT [WHAT]
expect_no_match() {
  [[ ! $2 =~ $1 ]] || fail "${3:-text}: did not expect /$1/, got '$2'"
}

# expect_fails COMMAND...: the command must fail.
expect_fails() {
  if "$@"; then
    fail "did not fail: $*"
  fi
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails after SECONDS.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "in vain waited for: $*"
    sleep 0.2
  done
}
