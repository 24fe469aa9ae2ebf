# shellcheck shell=bash
# What every script here needs: where the project is, and how to talk to the person at the terminal.

SM_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
export SM_ROOT

# sbin holds mosquitto, and is not in the PATH of ordinary users.
export PATH="$PATH:/usr/sbin:/sbin"

# Never fails: a terminal that has gone away must not keep a stop from going on.
say() { printf '%s\n' "$*" 2>/dev/null || true; }

complain() { printf '%s\n' "$*" >&2 2>/dev/null || true; }

# die MESSAGE...: every argument is a line of its own; the first says what is wrong, the rest what to do.
die() {
  complain "smartmeter: $1"
  shift
  local line
  for line in "$@"; do complain "  $line"; done
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_terminal() { [[ -t 1 && -z ${CI:-} ]]; }

now_ms() {
  local us=${EPOCHREALTIME/[.,]/}
  printf '%s' "$((us / 1000))"
}

# seconds_since MS: "3.2 s".
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d s' "$((ms / 1000))" "$((ms % 1000 / 100))"
}

# last_lines FILE [N]: the end of a log, indented, for a message about what went wrong.
last_lines() {
  [[ -s $1 ]] || { complain "  (nothing in $1)"; return 0; }
  complain "  the last lines of $1:"
  tail -n "${2:-15}" -- "$1" | sed 's/^/    /' >&2 || true
}

# run_logged LOG COMMAND...: its output goes to LOG; when it fails, the end of LOG is shown.
run_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname -- "$log")"
  "$@" >"$log" 2>&1 </dev/null && return 0
  local status=$?
  complain "smartmeter: failed: $*"
  last_lines "$log" 25
  return "$status"
}

# hash_files FILE_OR_FOLDER...: one hash over names and contents, without what builds and tests leave there.
hash_files() {
  (
    cd "$SM_ROOT" || exit
    local path present=()
    for path in "$@"; do [[ -e $path ]] && present+=("$path"); done
    ((${#present[@]})) || return 0
    find "${present[@]}" \
      \( -name node_modules -o -name dist -o -name build -o -name __pycache__ -o -name test-results \
      -o -name playwright-report -o -name '*.tsbuildinfo' \) -prune -o -type f -print0 |
      LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1
  )
}

# same_stamp FILE TEXT: whether FILE holds exactly TEXT.
same_stamp() { [[ -f $1 && $(<"$1") == "$2" ]]; }
