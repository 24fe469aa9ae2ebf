# shellcheck shell=bash
# Building the program and the dashboard, and not building them when nothing has changed.

# Whatever the program is made from. edge/core is shared with the simulator.
SM_C_SOURCES=(CMakeLists.txt CMakePresets.json cmake backend edge contracts)
SM_DASHBOARD_SOURCES=(frontend contracts)

# A build folder that was made for another place (a copied tree) cannot be used by CMake, which says so at length.
drop_moved_build() {
  local cache=$1/CMakeCache.txt
  [[ -f $cache ]] || return 0
  grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$SM_ROOT" "$cache" || rm -rf -- "$1"
}

# Shows ninja's "[12/340] ..." as one moving line on a terminal, and every hundredth step elsewhere.
show_build_progress() {
  local line done_ total shown=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    done_=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if is_terminal; then
      printf '\r\033[K  %d of %d steps' "$done_" "$total"
    elif ((done_ == total || done_ >= shown + 100)); then
      printf '  %d of %d steps\n' "$done_" "$total"
      shown=$done_
    fi
  done
  if is_terminal; then printf '\r\033[K'; fi
}

# build_preset PRESET [CMAKE_OPTION...]: what its build preset names; false, with the compiler's messages shown, when it fails. Output in build/setup-logs.
build_preset() {
  local preset=$1 log=$SM_ROOT/build/setup-logs/$1.log dir=$SM_ROOT/build/$1
  shift
  mkdir -p "$(dirname -- "$log")"
  drop_moved_build "$dir"
  (cd "$SM_ROOT" && run_logged "$log" cmake --preset "$preset" "$@") || return 1
  (cd "$SM_ROOT" && cmake --build --preset "$preset" </dev/null 2>&1) | show_build_progress "$log" && return 0
  complain "smartmeter: the $preset build failed:"
  grep -E -A 4 'error:|warning:|undefined reference|No such file' "$log" | head -n 60 >&2 || last_lines "$log" 40
  return 1
}

# build_program: build/release/smartmeter, from what is in the tree now.
build_program() {
  local stamp=$SM_ROOT/build/release/.built-from now
  now=$(hash_files "${SM_C_SOURCES[@]}")
  if [[ -x $SM_ROOT/build/release/smartmeter ]] && same_stamp "$stamp" "$now"; then return 0; fi
  say 'smartmeter: building the program'
  build_preset release || die 'the program could not be built.' "All of the output: $SM_ROOT/build/setup-logs/release.log"
  [[ -x $SM_ROOT/build/release/smartmeter ]] || die 'the build made no build/release/smartmeter.'
  printf '%s' "$now" >"$stamp"
}

# install_npm_packages FOLDER WHAT: FOLDER/node_modules as its lock file says.
install_npm_packages() {
  local folder=$1 what=$2 log now
  local stamp=$SM_ROOT/$folder/node_modules/.installed-from
  log=$SM_ROOT/build/setup-logs/npm-ci-${folder//\//-}.log
  now=$(hash_files "$folder/package.json" "$folder/package-lock.json")-$(node --version)
  if same_stamp "$stamp" "$now"; then return 0; fi
  say "smartmeter: fetching $what (npm)"
  # The tests drive Debian's Chromium; no browser is downloaded.
  (cd "$SM_ROOT/$folder" &&
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 run_logged "$log" "${SM_WITHOUT_SECRETS[@]}" npm ci --no-audit --no-fund) ||
    explain_npm_failure "fetching $what" "$log"
  mkdir -p "$SM_ROOT/$folder/node_modules"
  printf '%s' "$now" >"$stamp"
}

install_dashboard_packages() { install_npm_packages frontend 'what the dashboard is built with'; }

# Large, and only looked with: nobody who runs or builds the dashboard needs it.
install_lighthouse() { install_npm_packages tests/browser/lighthouse Lighthouse; }

SM_DASHBOARD_STAMP=$SM_ROOT/build/dashboard.built-from

dashboard_is_built() {
  [[ -f $SM_ROOT/frontend/dist/index.html ]] && same_stamp "$SM_DASHBOARD_STAMP" "$(hash_files "${SM_DASHBOARD_SOURCES[@]}")"
}

# build_dashboard: frontend/dist, from what is in the tree now. Node is only asked for when there is something to build.
build_dashboard() {
  local log=$SM_ROOT/build/setup-logs/dashboard.log now
  dashboard_is_built && return 0
  now=$(hash_files "${SM_DASHBOARD_SOURCES[@]}")
  require_node
  install_dashboard_packages
  say 'smartmeter: building the dashboard'
  (cd "$SM_ROOT/frontend" && run_logged "$log" "${SM_WITHOUT_SECRETS[@]}" npm run build) ||
    die 'the dashboard could not be built.' "All of the output: $log"
  [[ -f $SM_ROOT/frontend/dist/index.html ]] || die 'the build of the dashboard made no frontend/dist/index.html.'
  printf '%s' "$now" >"$SM_DASHBOARD_STAMP"
}
