#!/usr/bin/env bash
# The image and the compose file without a Docker engine: buildah builds deploy/docker/Dockerfile on a Debian that debootstrap made, and
# house, broker and server are started of what came out, as the compose file starts them (in a chroot: no network or process numbers of
# their own, and no limits of Docker's). As root; it fetches what a Debian, the compiler and the dashboard need, some 500 MB, so it is not
# among what ./test runs.
#
#   tests/deploy/image_test.sh [BASE]    BASE: a debootstrap of bookworm that is kept for the next time (build/debian-base)
set -euo pipefail

# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$SM_ROOT/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/ports.sh
source "$SM_ROOT/scripts/lib/ports.sh"

base=${1:-$SM_ROOT/build/debian-base} store=$SM_ROOT/build/image-store compose=$SM_ROOT/deploy/docker/compose.yaml
((EUID == 0)) || die 'this needs root: debootstrap, buildah and chroot.'
require_packages 'to build the image without Docker' buildah debootstrap docker-compose mosquitto-clients curl python3
count=0 failures=0
check() { # NAME COMMAND...
  local name=$1
  shift
  count=$((count + 1))
  if "$@" >>"$log" 2>&1; then echo "ok $count - $name"; else failures=$((failures + 1)) && echo "not ok $count - $name"; fi
}
work=$(mktemp -d "${TMPDIR:-/tmp}/smartmeter-image.XXXXXX")
log=$work/log root='' container='' pids=()
# Everything of buildah's in a store of this test's own.
store() { buildah --root "$store/data" --runroot "$store/run" --storage-driver vfs "$@"; }
end() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [[ -n $root ]]; then umount "$root/proc" 2>/dev/null || true; fi
  if [[ -n $container ]] && ! mountpoint -q "$root/proc"; then store rm "$container" >/dev/null || true; fi
  if ((failures)); then last_lines "$log" 60; fi
  rm -rf -- "$work"
}
trap end EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$store"

[[ -x $base/bin/bash ]] || debootstrap --variant=minbase bookworm "$base" "${SM_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$log" ||
  die 'the base could not be made.'
{
  from=$(store from scratch)
  store add -q "$from" "$base" /
  # Where the network has an authority of its own, npm in the image has to know it as npm here does.
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
    store copy -q "$from" "$NODE_EXTRA_CA_CERTS" /etc/ssl/network.pem
    store config --env NODE_EXTRA_CA_CERTS=/etc/ssl/network.pem "$from"
  fi
  store commit -q --format docker --rm "$from" localhost/debian
} >>"$log" 2>&1 || die 'the base could not be made an image.' "$(tail -n 5 "$log")"

check 'the Dockerfile builds' store bud --isolation chroot --format docker --layers=false --build-arg DEBIAN=localhost/debian \
  --build-arg "SOURCE_DATE_EPOCH=$(git -C "$SM_ROOT" log -1 --format=%ct)" -t localhost/smartmeter -f "$SM_ROOT/deploy/docker/Dockerfile" "$SM_ROOT"
((failures == 0)) || exit 1
store inspect --type image localhost/smartmeter >"$work/image.json"
# of NAME...: a member of the image's settings.
of() { python3 -c 'import json, sys
at = json.load(open(sys.argv[1]))["Docker"]["config"]
for name in sys.argv[2:]: at = at[name]
print("\n".join(at) if isinstance(at, list) else " ".join(at) if isinstance(at, dict) else at)' "$work/image.json" "$@"; }
is() { check "$1 (is ${2//$'\n'/ })" test "$2" = "$3"; }
is 'it does not run as root' "$(of User)" smartmeter
is 'it starts the server' "$(of Entrypoint) $(of Cmd)" '/usr/bin/smartmeter serve'
is 'it says how it is asked for its health' "$(of Healthcheck Test)" $'CMD\nhealthy'
is 'data and the authority have a volume each' "$(of Volumes)" '/var/lib/smartmeter /var/lib/smartmeter.ca'

container=$(store from localhost/smartmeter)
root=$(store mount "$container")
size_mb=$(du -sm --one-file-system "$root" | cut -f1) base_mb=$(du -sm --one-file-system "$base" | cut -f1)
echo "# $size_mb MB unpacked, of which $base_mb are the Debian below"
check 'no compiler and no sources are in it' test ! -e "$root/usr/bin/gcc" -a ! -e "$root/src" -a ! -e "$root/usr/bin/node"
mount -t proc proc "$root/proc"
mapfile -t settings < <(of Env)
{
  read -r http
  read -r metrics
  read -r mqtts
  read -r certificates
} < <(free_port 4)
settings+=("SMARTMETER_HTTP_PORT=$http" "SMARTMETER_METRICS_PORT=$metrics" "SMARTMETER_MQTTS_PORT=$mqtts" "SMARTMETER_MQTT_CERT_PORT=$certificates"
  SMARTMETER_HTTP_BIND=127.0.0.1 SMARTMETER_BROKER_NAMES=localhost SMARTMETER_ADMIN_EMAIL=admin@example.org 'SMARTMETER_ADMIN_PASSWORD=correct horse battery staple')
# As the image's user, with its settings.
inside() { exec env -i "${settings[@]}" chroot --userspec=10001:10001 "$root" "$@"; }
is 'its user has a number that stays' "$( (inside id -u) )" 10001
(inside house) >>"$log" 2>&1 &
pids+=($!)
prepared() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do [[ ! -e $root/tmp/prepared ]] || return 0; sleep 0.1; done
  return 1
}
check 'house makes the folder of the broker' prepared
(inside /usr/sbin/mosquitto -c /var/lib/smartmeter/broker/mosquitto.conf) >>"$log" 2>&1 &
pids+=($!)
(inside smartmeter serve) >>"$log" 2>&1 &
pids+=($!)
ready() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do curl -fsS "http://127.0.0.1:$http/readyz" >/dev/null 2>&1 && return 0; sleep 0.1; done
  return 1
}
check 'broker and server are ready' ready
healthy() { (inside healthy); }
check 'it is healthy' healthy
check 'the dashboard is in it' grep -q '<div id="root">' <(curl -fsS "http://127.0.0.1:$http/")
send() {
  local told password
  told=$( (inside smartmeter device add --id meter-001 --json)) || return 1
  password=$(sed -n 's/.*"password":"\([^"]*\)".*/\1/p' <<<"$told")
  printf '{"device_id": "meter-001", "timestamp": "2026-01-29T09:45:00Z", "voltage": 230, "current": 1, "power_w": 230, "energy_kwh": 12.345}' |
    mosquitto_pub -h localhost -p "$mqtts" --cafile "$root/var/lib/smartmeter/broker/ca.crt" -u meter-001 -P "$password" -q 1 \
      -t meters/meter-001/telemetry -s
}
has_reading() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do [[ $( (inside smartmeter export) 2>/dev/null) == *meter-001,* ]] && return 0; sleep 0.1; done
  return 1
}
check 'a meter sends by TLS' send
check 'its reading is stored' has_reading
kill "${pids[2]}"
wait "${pids[2]}" || true
unset 'pids[2]'
unhealthy() { ! (inside healthy); }
check 'without its server it is not healthy' unhealthy
on_mongodb() {
  local told
  told=$( (inside env 'SMARTMETER_STORE=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100' smartmeter user list) 2>&1) && return 1
  [[ $told == *'cannot reach the database server'* ]]
}
check 'for data on MongoDB nothing lacks but a server' on_mongodb

# Compose 1.29 of Debian reads the same but for the project's name, which is newer.
sed '/^name:/d' "$compose" >"$work/compose.yaml"
check 'the compose file is in order' env GRAFANA_PASSWORD=x docker-compose -f "$work/compose.yaml" --project-directory "$SM_ROOT/deploy/docker" config -q
unset_password() { ! env -u GRAFANA_PASSWORD docker-compose -f "$work/compose.yaml" --project-directory "$SM_ROOT/deploy/docker" config -q; }
check 'and asks for a password of Grafana' unset_password
named() { # each file that it brings in is there
  local path
  while read -r path; do [[ -e $SM_ROOT/deploy/docker/$path ]] || { echo "there is no $path"; return 1; }; done < <(sed -n 's/^ *- \(\.\.[^:]*\):.*/\1/p' "$compose")
}
check 'what it mounts is there' named
echo "1..$count"
((failures == 0))
