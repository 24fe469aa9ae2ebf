# shellcheck shell=bash
# Debian packages: what is needed, what of it is missing, and getting it installed.

# Arrays for ./run and ./test.
# shellcheck disable=SC2034
SM_RUN_PACKAGES=(build-essential gcc cmake ninja-build pkg-config libsqlite3-dev libssl-dev libsodium-dev libmicrohttpd-dev
  libjansson-dev libjwt-dev libwslay-dev libmosquitto-dev libglib2.0-dev libcairo2-dev libpango1.0-dev libharfbuzz-dev
  libqrencode-dev libzip-dev libbrotli-dev zlib1g-dev libseccomp-dev libcurl4-openssl-dev libmbedtls-dev libpq-dev libmongoc-dev
  fonts-noto-core tzdata ca-certificates openssl mosquitto)
# shellcheck disable=SC2034
# What looks at the dashboard as it was built: a browser, and the letters that it draws with beside fonts-noto-core.
SM_LOOK_PACKAGES=(chromium fonts-dejavu-core curl python3)
# shellcheck disable=SC2034
SM_TEST_PACKAGES=("${SM_LOOK_PACKAGES[@]}" chromium-headless-shell libcmocka-dev mosquitto-clients clang clang-format clang-tidy libclang-rt-14-dev
  python3-jinja2 python3-jsonschema python3-paho-mqtt shellcheck poppler-utils qpdf zbar-tools unzip nginx caddy prometheus man-db
  gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
  gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc postgresql)
# For `./test --long` only: two more brokers.
# shellcheck disable=SC2034
SM_LONG_TEST_PACKAGES=(rabbitmq-server nats-server)

# missing_packages NAME...: those that are not installed.
missing_packages() {
  local name state
  local -A installed=()
  while read -r name state; do
    [[ $state == installed ]] && installed[$name]=1
  done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    [[ -n ${installed[$name]:-} ]] || printf '%s\n' "$name"
  done
}

# Turns apt's output, on stdin, into a percentage on the terminal; all of it goes to the log in $1.
show_apt_progress() {
  local line percent what shown=-10 waiting=''
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    if [[ $line =~ (dlstatus|pmstatus):[^:]*:([0-9]+)[0-9.]*:(.*)$ ]]; then
      percent=${BASH_REMATCH[2]} what=${BASH_REMATCH[3]}
      [[ ${BASH_REMATCH[1]} == dlstatus ]] && what="fetching: $what"
      if is_terminal; then
        printf '\r\033[K  %3d %% %.60s' "$percent" "$what"
      elif ((percent >= shown + 10 || percent < shown)); then
        printf '  %3d %% %s\n' "$percent" "$what"
        shown=$percent
      fi
    elif [[ -z $waiting && $line == *'Could not get lock'* ]]; then
      waiting=1
      say '  Another program is installing packages; waiting for it to end (at most ten minutes).'
    fi
  done
  if is_terminal; then printf '\r\033[K'; fi
}

# How an administrator does it by hand, on one line.
install_command() {
  printf 'apt-get update && apt-get install -y --no-install-recommends %s' "$*"
  local broker
  for broker in mosquitto rabbitmq-server nats-server nginx caddy prometheus; do
    [[ " $* " != *" $broker "* ]] || printf ' && systemctl disable --now %s' "$broker"
  done
}

# Sets SM_AS_ROOT to what makes a command run as root.
become_root() {
  SM_AS_ROOT=()
  ((EUID == 0)) && return 0
  have sudo || no_root 'is not installed' "$@"
  if ! sudo -n true 2>/dev/null; then
    [[ -t 0 ]] || no_root 'would ask for a password, which needs a terminal' "$@"
    say "smartmeter: sudo is needed to install packages, and may ask for your password."
    sudo -v || no_root 'did not allow it' "$@"
  fi
  SM_AS_ROOT=(sudo)
}

# no_root WHY PACKAGE...
no_root() {
  local why=$1
  shift
  die "installing packages needs root; you are \"$(id -un)\", and sudo $why." \
    "Have an administrator run this as root, then start again:" \
    "  $(install_command "$@")"
}

# explain_apt_failure LOG PACKAGE...
explain_apt_failure() {
  local log=$1 reason
  shift
  local unreachable='Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Network is unreachable'
  unreachable+='|[Cc]onnection (timed out|failed|refused)'
  grep -E '^[EW]: ' "$log" | sort -u | tail -n 4 | sed 's/^/    /' >&2 || true
  if grep -qE "$unreachable" "$log"; then
    reason='the package server was not reached. Check the network (and a proxy, if one is needed), then start again.'
  elif grep -q 'Could not get lock' "$log"; then
    reason='another program was installing packages for more than ten minutes. Let it end, then start again.'
  elif grep -q 'No space left on device' "$log"; then
    reason='the disk is full.'
  elif grep -q 'Unable to locate package' "$log"; then
    reason="Debian's package lists do not have all of them. Smartmeter is made for Debian 12; see /etc/apt/sources.list."
  else
    reason="apt-get failed; its output is in $log."
  fi
  die "these Debian packages could not be installed: $*" "Why: $reason"
}

# require_packages WHAT_FOR PACKAGE...: installs those that are missing.
require_packages() {
  local what_for=$1 log=$SM_ROOT/build/setup-logs/packages.log missing status=0
  shift
  have dpkg-query || die "this is not Debian (no dpkg-query here)." "Smartmeter's ./run and ./test are made for Debian 12."
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "smartmeter: installing ${#missing[@]} Debian package(s), needed $what_for: ${missing[*]}"
  become_root "${missing[@]}"
  mkdir -p "$(dirname -- "$log")"
  : >"$log"
  "${SM_AS_ROOT[@]}" "$SM_ROOT/scripts/install-packages" "${missing[@]}" 2>&1 | show_apt_progress "$log" ||
    status=${PIPESTATUS[0]}
  ((status < 128)) || die 'interrupted while packages were being installed; start again to go on.'
  # apt-get has been seen to succeed without having done all, when it was interrupted.
  mapfile -t missing < <(missing_packages "$@")
  ((status == 0 && ${#missing[@]} == 0)) || explain_apt_failure "$log" "${missing[@]}"
}
