# shellcheck shell=bash
# Which TCP ports are taken and by whom, read from /proc: no tool to install, and no connection made to look.

# listeners PORT: a line "ADDRESS INODE" for each socket that listens on PORT, ADDRESS in the kernel's hexadecimal.
listeners() {
  local hex
  hex=$(printf '%04X' "$1")
  awk -v port="$hex" '
    $4 == "0A" && split($2, at, ":") == 2 && at[2] == port { print at[1], $10 }
  ' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

# The kernel's hexadecimal of a dotted address; nothing for any other notation.
ipv4_hex() {
  [[ $1 =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$ ]] || return 0
  printf '%02X%02X%02X%02X' "${BASH_REMATCH[4]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
}

# taken_by PORT [BIND]: prints the inode of a socket that keeps BIND:PORT from being opened, and is false if there is none.
taken_by() {
  local wanted address inode
  wanted=$(ipv4_hex "${2:-127.0.0.1}")
  while read -r address inode; do
    # Anything but a dotted address, and every wildcard, is taken to clash: a wrong "taken" has a clear message, a wrong
    # "free" has not.
    if [[ -z $wanted || $wanted == 00000000 || $address =~ ^0+$ || $address == "$wanted" ||
      $address == "0000000000000000FFFF0000$wanted" ]]; then
      printf '%s\n' "$inode"
      return 0
    fi
  done < <(listeners "$1")
  return 1
}

# socket_owner INODE: "NAME (process PID)"; nothing when the process is another user's.
socket_owner() {
  local fd pid
  fd=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$1\]" -print -quit 2>/dev/null || true)
  [[ $fd =~ ^/proc/([0-9]+)/ ]] || return 0
  pid=${BASH_REMATCH[1]}
  printf '%s (process %s)' "$(cat "/proc/$pid/comm" 2>/dev/null || printf '?')" "$pid"
}

# A free one above PORT, for the advice in a message.
next_free_port() {
  local port=$(($1 + 1))
  while taken_by "$port" 0.0.0.0 >/dev/null; do port=$((port + 1)); done
  printf '%s' "$port"
}

# require_free_port VARIABLE BIND WHAT_FOR: ends with a message if the port in VARIABLE is taken.
require_free_port() {
  local port=${!1} inode owner
  inode=$(taken_by "$port" "$2") || return 0
  owner=$(socket_owner "$inode")
  die "port $port ($3) is already taken${owner:+ by $owner}." \
    "Stop that program, or choose another port: $1=$(next_free_port "$port") ./run"
}

# free_port [N]: N different ports on which nothing listens, one a line, below the range that the system hands out by itself. Tests
# that run side by side have a part of it each (SM_PORTS_FROM, SM_PORTS_COUNT): one does not listen yet on what it has chosen.
free_port() {
  local wanted=${1:-1} port
  local -A seen=()
  while ((${#seen[@]} < wanted)); do
    port=$((${SM_PORTS_FROM:-20000} + RANDOM % ${SM_PORTS_COUNT:-12000}))
    [[ -n ${seen[$port]:-} ]] && continue
    taken_by "$port" 0.0.0.0 >/dev/null && continue
    seen[$port]=1
    printf '%s\n' "$port"
  done
}

# alive PID: whether a process of that number runs (one that ended but was not waited for does not).
alive() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  [[ ${stat:0:1} != [ZX] ]]
}

# wait_until_true SECONDS PID COMMAND...: polls COMMAND; false after SECONDS or, with a PID, as soon as that process is gone.
wait_until_true() {
  local deadline pid=$2
  deadline=$(($(now_ms) + $1 * 1000))
  shift 2
  until "$@"; do
    [[ -z $pid ]] || alive "$pid" || return 1
    (($(now_ms) < deadline)) || return 1
    sleep 0.1
  done
}

port_listens() { [[ -n $(listeners "$1") ]]; }

# wait_for_port PORT SECONDS [PID]
wait_for_port() { wait_until_true "$2" "${3:-}" port_listens "$1"; }

# http_status URL: the status of a GET, 000 when there is no answer. Without curl, which a fresh machine does not have.
http_status() {
  local host port path scheme answer=''
  [[ $1 =~ ^(https?)://(\[[^]]+\]|[^:/]+):([0-9]+)(/.*)?$ ]] || { printf '000'; return 0; }
  scheme=${BASH_REMATCH[1]} host=${BASH_REMATCH[2]} port=${BASH_REMATCH[3]} path=${BASH_REMATCH[4]:-/}
  if [[ $scheme == https ]]; then
    answer=$(printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" |
      timeout 5 openssl s_client -quiet -connect "$host:$port" 2>/dev/null | head -n 1 || true)
  else
    host=${host#[} host=${host%]}
    # shellcheck disable=SC2016 # the inner shell expands them
    answer=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" &&
      printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$3" >&3 && head -n 1 <&3' - "$host" "$port" "$path" 2>/dev/null || true)
  fi
  [[ $answer =~ ^HTTP/[0-9.]+\ ([0-9]{3}) ]] && printf '%s' "${BASH_REMATCH[1]}" || printf '000'
}

http_answers_200() { [[ $(http_status "$1") == 200 ]]; }

# wait_for_http URL SECONDS [PID]: until a GET of URL answers 200.
wait_for_http() { wait_until_true "$2" "${3:-}" http_answers_200 "$1"; }
