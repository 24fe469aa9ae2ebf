# shellcheck shell=bash
# Node.js for building the dashboard: one that is new enough, or a pinned one in .tools/ from npm's own packages
# (Debian 12 has Node 18, and Vite wants newer).

SM_NODE_VERSION=22.23.3
SM_NPM_VERSION=11.21.2
SM_TOOLS=$SM_ROOT/.tools

node_is_new_enough() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ ^v([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 22))
}

# Says within half a minute that there is no network; npm's own patience is several minutes. Exported, because the `node`
# package runs an npm of its own.
export npm_config_fetch_retries=3 npm_config_fetch_retry_mintimeout=1000 npm_config_fetch_retry_maxtimeout=5000

use_tools_node() { export PATH="$SM_TOOLS/node_modules/.bin:$PATH"; }

explain_npm_failure() {
  local what=$1 log=$2
  if grep -qE 'EAI_AGAIN|ENOTFOUND|ENETUNREACH|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network' "$log"; then
    die "$what failed: npm's package server was not reached." \
      "Check the network (and npm's proxy setting, if one is needed), then start again. npm's output: $log"
  fi
  die "$what failed; npm's output is above and in $log."
}

# The `node` package fetches the program itself by a script of its own, so scripts have to be on whatever the user's default.
install_tools_node() {
  local log=$SM_ROOT/build/setup-logs/node.log
  say "smartmeter: installing Node.js $SM_NODE_VERSION and npm $SM_NPM_VERSION from npm into .tools/, to build the dashboard"
  rm -rf -- "$SM_TOOLS/node_modules"
  mkdir -p "$SM_TOOLS"
  printf '{"private": true}\n' >"$SM_TOOLS/package.json"
  run_logged "$log" "${SM_WITHOUT_SECRETS[@]}" npm install --prefix "$SM_TOOLS" --no-save --no-package-lock --no-audit --no-fund \
    --ignore-scripts=false "node@$SM_NODE_VERSION" "npm@$SM_NPM_VERSION" || explain_npm_failure 'installing Node.js' "$log"
  node_is_new_enough "$SM_TOOLS/node_modules/.bin/node" ||
    die "Node.js was installed, but $SM_TOOLS/node_modules/.bin/node does not run here." "npm's output is in $log."
}

has_tools_node() { [[ $("$SM_TOOLS/node_modules/.bin/node" --version 2>/dev/null) == "v$SM_NODE_VERSION" ]]; }

# node_packages: the Debian packages without which require_node cannot work here; none where there is an npm, or Node itself.
node_packages() {
  if ! have npm && ! has_tools_node; then printf '%s\n' nodejs npm; fi
}

# Leaves a node >= 22 and an npm first in PATH.
require_node() {
  if have node && have npm && node_is_new_enough node; then return 0; fi
  if has_tools_node; then
    use_tools_node
    return 0
  fi
  have npm || die "npm is needed to fetch Node.js $SM_NODE_VERSION, and is not here." "Install it: apt-get install nodejs npm"
  install_tools_node
  use_tools_node
}
