# shellcheck shell=bash
# What the benches need beyond ./run and ./test, and what only they need: nothing of it becomes a need of the product.

SM_BENCH_PACKAGES=(libcurl4-openssl-dev libmosquitto-dev curl python3 libzstd1 wrk)
SM_PEER_PACKAGES=(victoria-metrics influxdb)

# The peers are unpacked into build/, not installed: their Debian packages start a service at once and at every boot.
fetch_peers() {
  local package log=$SM_ROOT/build/setup-logs/peers.log
  mkdir -p "$SM_PEERS/packages" "$(dirname -- "$log")"
  for package in "${SM_PEER_PACKAGES[@]}"; do
    [[ ! -f $SM_PEERS/$package.unpacked ]] || continue
    say "bench: fetching $package"
    download_package "$package" "$log"
    dpkg-deb -x "$SM_PEERS/packages/$package"_*.deb "$SM_PEERS"
    : >"$SM_PEERS/$package.unpacked"
  done
}

download_package() {
  local package=$1 log=$2
  (cd "$SM_PEERS/packages" && rm -f -- "$package"_*.deb && apt-get download "$package") >"$log" 2>&1 </dev/null && return 0
  # The lists may be missing, or old.
  become_root "$package"
  "${SM_AS_ROOT[@]}" apt-get update >>"$log" 2>&1 </dev/null || true
  (cd "$SM_PEERS/packages" && apt-get download "$package") >>"$log" 2>&1 </dev/null || explain_apt_failure "$log" "$package"
}

build_bench() {
  local log=$SM_ROOT/build/setup-logs/bench.log
  run_logged "$log" cmake --preset bench || die 'the bench programs could not be set up.'
  run_logged "$log" cmake --build --preset bench || die 'the bench programs could not be built.'
}

# better-sqlite3 is compiled against the headers that came with this Node, where they did: without them node-gyp fetches them.
install_node_stack() {
  local log=$SM_ROOT/build/setup-logs/bench-npm.log stamp=$SM_ROOT/bench/node/node_modules/.installed-from now headers
  now=$(hash_files bench/node/package.json bench/node/package-lock.json)-$(node --version)
  if same_stamp "$stamp" "$now"; then return 0; fi
  say 'bench: installing mqtt.js and better-sqlite3, which is compiled (a minute or two)'
  headers=$(node_headers)
  (cd "$SM_ROOT/bench/node" && if [[ -n $headers ]]; then export npm_config_nodedir=$headers; fi &&
    run_logged "$log" "${SM_WITHOUT_SECRETS[@]}" npm ci --no-audit --no-fund --ignore-scripts=false) ||
    explain_npm_failure 'installing the Node stack' "$log"
  printf '%s' "$now" >"$stamp"
}

# The folder that holds include/node of the node in PATH: beside it, or, with npm's node package, in the package of this kind
# of machine. Nothing when there is none.
node_headers() {
  local root folder
  root=$(dirname -- "$(dirname -- "$(readlink -f "$(command -v node)")")")
  for folder in "$root" "$root"/node_modules/node-linux-*; do
    [[ -f $folder/include/node/node.h ]] && { printf '%s' "$folder"; return 0; }
  done
  return 0
}

# require_bench_needs SECTION...
require_bench_needs() {
  local packages=("${SM_RUN_PACKAGES[@]}" "${SM_BENCH_PACKAGES[@]}")
  # shellcheck disable=SC2207 # names have no spaces
  if [[ " $* " == *' cpu '* ]]; then packages+=($(node_packages)); fi
  if [[ " $* " == *' postgres '* ]]; then packages+=(postgresql); fi
  exec 8>>"$SM_ROOT/build/setup.lock"
  flock -n 8 || { say 'bench: a ./run or ./test is building here; waiting for it'; flock 8; }
  require_packages 'for the benches' "${packages[@]}"
  [[ -n ${SM_BINARY:-} ]] || build_program
  build_bench
  if [[ " $* " == *' cpu '* ]]; then
    require_node
    install_node_stack
  fi
  if [[ " $* " == *' storage '* || " $* " == *' latency '* ]]; then fetch_peers; fi
  exec 8>&-
}
