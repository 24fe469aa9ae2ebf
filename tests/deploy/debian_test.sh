#!/usr/bin/env bash
# The Debian packages, in a Debian of its own (a debootstrap folder, entered by chroot): installed, used, upgraded, removed, purged,
# installed again. As root; it fetches some 100 MB the first time, so it is not among what ./test runs. There is no systemd in such a
# folder: what the units would run is run as their user.
#
#   tests/deploy/debian_test.sh [BASE]    BASE: a debootstrap of bookworm that is kept for the next time (build/debian-base)
set -euo pipefail

# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/ports.sh
source "$SM_ROOT/scripts/lib/ports.sh"

base=${1:-$SM_ROOT/build/debian-base}
((EUID == 0)) || die 'this needs root: debootstrap and chroot.'
count=0 failures=0
check() { # NAME COMMAND...
  local name=$1
  shift
  count=$((count + 1))
  if "$@" >>"$log" 2>&1; then echo "ok $count - $name"; else failures=$((failures + 1)) && echo "not ok $count - $name"; fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/smartmeter-package.XXXXXX")
root=$work/root log=$work/log pids=()
# Only where this script mounted, and what it started.
end() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  umount "$root/proc" 2>/dev/null || true
  if ((failures)); then last_lines "$log" 40; fi
  mountpoint -q "$root/proc" || rm -rf -- "$work"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

[[ -x $base/bin/bash ]] || debootstrap --variant=minbase bookworm "$base" "${SM_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$log" ||
  die 'the base could not be made.'
cp -a "$base" "$root"
mount -t proc proc "$root/proc"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true

{
  "$SM_ROOT/deploy/debian/build" --built "$work/deb"
  "$SM_ROOT/deploy/debian/build" --built --version 99.0.0 "$work/deb"
  "$SM_ROOT/deploy/debian/build" --built "$work/again"
} >>"$log"
first=$(cd "$work/again" && echo smartmeter_*.deb)
other=${first/smartmeter_/smartmeter-mongodb_}
for name in "$first" "$other"; do
  check "lintian finds nothing in ${name%%_*}" lintian --fail-on error,warning --suppress-tags bad-distribution-in-changes-file "$work/deb/$name"
  check "built again it is the same bytes: ${name%%_*}" cmp "$work/deb/$name" "$work/again/$name"
done
needs() { [[ $(dpkg-deb -f "$work/deb/$1" Depends) == *"$2"* ]]; }
not() { ! "$@"; }
check 'MongoDB is for the second of them' needs "$other" libmongoc
check 'the first does without' not needs "$first" libmongoc

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
cp "$work"/deb/*.deb "$root/tmp/"
check 'apt takes it and what it needs' inside sh -c "apt-get update -q && apt-get install -y -q /tmp/$first"
check 'mosquitto comes with it' test -x "$root/usr/sbin/mosquitto"
check 'the program runs' inside smartmeter version
check 'its page is there' test -s "$root/usr/share/man/man1/smartmeter.1.gz"
check 'both services are enabled' test -L "$root/etc/systemd/system/multi-user.target.wants/smartmeter.service" \
  -a -L "$root/etc/systemd/system/multi-user.target.wants/smartmeter-broker.service"
uid=$(inside id -u smartmeter)
is_for_its_owner() {
  [[ $(stat -c '%a %u' "$root/var/lib/smartmeter") == "700 $uid" && $(stat -c '%a %u' "$root/var/lib/smartmeter.ca") == "700 $uid" &&
    $(stat -c '%a %u' "$root/etc/smartmeter/env") == '640 0' ]]
}
check 'data and settings are for their owner' is_for_its_owner

{
  read -r http
  read -r metrics
  read -r mqtts
  read -r certificates
} < <(free_port 4)
cat >>"$root/etc/smartmeter/env" <<SETTINGS
SMARTMETER_HTTP_PORT=$http
SMARTMETER_METRICS_PORT=$metrics
SMARTMETER_MQTTS_PORT=$mqtts
SMARTMETER_MQTT_CERT_PORT=$certificates
SMARTMETER_ADMIN_EMAIL=admin@example.org
SMARTMETER_ADMIN_PASSWORD=correct horse battery staple
SETTINGS

# unit NAME DIRECTIVE: runs the command of a unit's line; as_unit COMMAND: any, as its user and with its settings.
unit() {
  local words
  read -r -a words < <(sed -n "s/^$2=//p" "$root/lib/systemd/system/$1")
  as_unit "${words[@]}"
}
as_unit() {
  local settings
  mapfile -t settings < <(grep -v '^#\|^$' "$root/etc/smartmeter/env")
  # The last command is the process whose number `$!` is, so that ending it ends the server.
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 SMARTMETER_DATA_DIR=/var/lib/smartmeter \
    SMARTMETER_DASHBOARD_DIR=/usr/share/smartmeter/dashboard "${settings[@]}" \
    chroot --userspec=smartmeter:smartmeter "$root" "$@"
}
start() {
  (unit smartmeter-broker.service ExecStartPre) >>"$log" 2>&1 || return 1
  (unit smartmeter-broker.service ExecStart) >>"$log" 2>&1 &
  pids+=($!)
  (unit smartmeter.service ExecStart) >>"$log" 2>&1 &
  pids+=($!)
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    curl -fsS "http://127.0.0.1:$http/readyz" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  return 1
}
stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" && wait "$pid"; done
  pids=()
}
has_reading() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    [[ $(cd / && (as_unit smartmeter export) 2>/dev/null) == *meter-001,* ]] && return 0
    sleep 0.1
  done
  return 1
}
send() { # a meter, by TLS, with what `device add` gave it
  local told password
  told=$( (as_unit smartmeter device add --id meter-001 --json)) || return 1
  password=$(sed -n 's/.*"password":"\([^"]*\)".*/\1/p' <<<"$told")
  printf '{"device_id": "meter-001", "timestamp": "2026-01-29T09:45:00Z", "voltage": 230, "current": 1, "power_w": 230, "energy_kwh": 12.345}' |
    mosquitto_pub -h localhost -p "$mqtts" --cafile "$root/var/lib/smartmeter/broker/ca.crt" -u meter-001 -P "$password" -q 1 \
      -t meters/meter-001/telemetry -s
}
check 'broker and server start as the units say' start
check 'the dashboard is served' grep -q '<div id="root">' <(curl -fsS "http://127.0.0.1:$http/")
check 'a meter that is added sends' send
check 'its reading is stored' has_reading
# On MongoDB, of which there is none here: it is the second program that looks for it.
on_mongodb() {
  local told
  told=$( (as_unit env 'SMARTMETER_STORE=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100' smartmeter user list) 2>&1) && return 1
  [[ $told =~ $1 ]]
}
monthly() { (unit smartmeter-crl.service ExecStart); }
check 'the monthly list is made' monthly
check 'they stop' stop
check 'for data on MongoDB a package is asked for' on_mongodb 'SMARTMETER_STORE names MongoDB.*install the package smartmeter-mongodb'
check 'apt takes that too' inside apt-get install -y -q "/tmp/$other"
check 'then a server is' on_mongodb 'cannot reach the database server of SMARTMETER_STORE'
check 'it has a page' inside test -s /usr/share/man/man1/smartmeter-mongodb.1.gz

echo '# mine' >>"$root/etc/smartmeter/env"
check 'an upgrade goes through' inside apt-get install -y -q /tmp/smartmeter{,-mongodb}_99.0.0_"${first##*_}"
check 'of both' on_mongodb 'cannot reach the database server of SMARTMETER_STORE'
check 'settings are left as they are' grep -qx '# mine' "$root/etc/smartmeter/env"
check 'it starts on the data that is there' start
check 'the reading is there' has_reading
stop
check 'removing goes through' inside apt-get remove -y -q smartmeter
check 'the programs are gone' test ! -e "$root/usr/bin/smartmeter" -a ! -e "$root/usr/bin/smartmeter-mongodb"
check 'the data is not, nor are the settings' test -s "$root/var/lib/smartmeter/readings.db" -a -s "$root/etc/smartmeter/env"
check 'purging goes through' inside apt-get purge -y -q smartmeter
nothing_left() { [[ ! -e $root/etc/smartmeter && -z $(find "$root/etc/systemd" "$root/var/lib/systemd" -name '*smartmeter*') ]]; }
check 'the settings are gone, and nothing of systemd is left' nothing_left
check 'readings and bills are still there' test -s "$root/var/lib/smartmeter/ledger.db"
check 'installed again' inside apt-get install -y -q "/tmp/$first"
cat >>"$root/etc/smartmeter/env" <<SETTINGS
SMARTMETER_HTTP_PORT=$http
SMARTMETER_METRICS_PORT=$metrics
SMARTMETER_MQTTS_PORT=$mqtts
SMARTMETER_MQTT_CERT_PORT=$certificates
SETTINGS
check 'it goes on where it was' start
check 'with its readings' has_reading
stop
echo "1..$count"
((failures == 0))
