# shellcheck shell=bash
# The settings: the environment, then .env, then the defaults that .env.example documents.

# load_env_file FILE: exports what the environment does not have yet. The file is data and is never executed; it is read by
# the same rules as the program reads it (backend/base/config.c): the last of several wins, no comments behind a value.
load_env_file() {
  local file=$1 line name value number=0
  local -A found=()
  [[ -e $file ]] || return 0
  [[ -r $file ]] || die "$file cannot be read." "Make it readable for $(id -un), or move it away."
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] ||
      die "$file, line $number is not NAME=VALUE: $line"
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    value=${value%"${value##*[![:space:]]}"}
    if [[ ${#value} -ge 2 && ${value:0:1} == [\"\'] && ${value:0:1} == "${value: -1}" ]]; then value=${value:1:-1}; fi
    found[$name]=$value
  done <"$file"
  for name in "${!found[@]}"; do
    [[ -v $name ]] || export "$name=${found[$name]}"
  done
}

# check_port_setting NAME [zero]: its value must be a port; with `zero`, 0 means off.
check_port_setting() {
  local value=${!1}
  [[ $value =~ ^(0|[1-9][0-9]{0,4})$ && $value -le 65535 ]] || die "$1 must be a port number, not \"$value\"."
  ((value > 0)) || [[ ${2:-} == zero ]] || die "$1 must not be 0."
}

# Put before a command that has no use for passwords: what is fetched to build with, and the broker.
# shellcheck disable=SC2034
SM_WITHOUT_SECRETS=(env -u SMARTMETER_ADMIN_PASSWORD -u SMARTMETER_MQTT_URL -u SMARTMETER_STORE)
