#!/usr/bin/env bash
# The power is cut under load: what was not synced is lost in part (tests/faults/powerloss.c, powerloss.py). After each cut
# both databases are whole, a device whose addition was answered 201 is there, and in the end every acknowledged reading is.
PLAIN_METERS=4 SEQ_METERS=3
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
needs_files 'its power cut is of files'

cuts=$(long 10 100)
SERVER_DATA=$TMP/power
mkdir -p "$SERVER_DATA"
base=$TMP/base log=$TMP/power.log added=$TMP/added

launch_recorded() {
  rm -f -- "$log"
  python3 "$SM_FAULTS/powerloss.py" before "$SERVER_DATA" "$base"
  launch_server "SMARTMETER_DATA_DIR=$SERVER_DATA" "LD_PRELOAD=$SM_SHIMS/powerloss.so" "SM_POWERLOSS_DIR=$SERVER_DATA" \
    "SM_POWERLOSS_LOG=$log" "$@"
}

server_is_gone() { ! alive "$(server_pid)"; }
wait_for_cut() { wait_until_true "$WAIT_S" '' server_is_gone || fail "the power is cut ($1)"; }

# cut_power SEED [OPTION...]: the server has ended or does so now, and its folder becomes what the cut left.
cut_power() {
  kill_server 2>/dev/null
  note "cut $1: $(python3 "$SM_FAULTS/powerloss.py" cut "$SERVER_DATA" "$base" "$log" --seed "$SEED-$1" "${@:2}")"
}

databases() { find "$SERVER_DATA" -maxdepth 1 -name '*.db' -size +0; }

# add_until_killed PREFIX: adds devices as fast as it can, and notes those that were answered 201, until the server is gone.
add_until_killed() {
  local i
  # Not by `login`, for which it would be a failure that the server is gone already.
  api POST /api/auth/login "$(json_object email "$ADMIN_EMAIL" password "$ADMIN_PASSWORD")" || return 0
  TOKEN=$(json .token)
  for ((i = 0; ; i++)); do
    api POST /api/devices "{\"device_id\": \"$1-$i\"}" || return 0
    [[ $API_STATUS == 201 ]] || return 0
    printf '%s\n' "$1-$i" >>"$added"
  done
}

start_broker
# What the server needs of the broker's folder, so that what it writes there is recorded, and the broker's own files are not.
mkdir "$SERVER_DATA/broker"
cp -- "$DATA/broker/"{ca.crt,server.password,passwords} "$SERVER_DATA/broker/"
# First in the middle of creating its files, again and again on what the cut before left.
gone_or_ready() { server_is_gone || http_answers_200 "$API/readyz"; }
: >"$added"
for ((k = 0; k < $(long 4 40); k++)); do
  launch_recorded SM_POWERLOSS_AFTER="$((1 + $(random_below 100)))"
  wait_until_true "$WAIT_S" '' gone_or_ready || fail "it starts, or the power is cut ($k)"
  cut_power "start-$k"
done
launch_recorded SM_POWERLOSS_AFTER=1000
wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || { fail 'it starts after cuts in its first start'; exit 1; }
pass 'it starts after cuts in its first start'
login
add_devices plain "$PLAIN_METERS"
add_devices seq "$SEQ_METERS"
start_meters --rate 600 --twice 0

# Most cuts come at a random change of a file, the others in a clean stop, which seals.
broken=0
for ((k = 0; k < cuts; k++)); do
  add_until_killed "cut$k" &
  adder=$!
  if ((k % 3 == 2)); then
    meters_go_on "$((1 + $(random_below 500)))" || break
    kill -TERM "$(server_pid)"
    pause_ms "$(random_below 200)"
  else
    wait_for_cut "$k"
  fi
  cut_power "$k"
  wait "$adder"
  # shellcheck disable=SC2046 # the names have no spaces
  python3 "$SM_FAULTS/powerloss.py" whole $(databases) || broken=$((broken + 1))
  after=0
  if ((k + 1 < cuts && (k + 1) % 3 != 2)); then after=$((200 + $(random_below 1000))); fi
  launch_recorded SM_POWERLOSS_AFTER="$after"
  # The cut may come before anybody sees that it is ready.
  started=http_answers_200
  if ((after > 0)); then started=gone_or_ready; fi
  wait_until_true "$WAIT_S" '' "$started" "$API/readyz" || { fail "it starts after cut $k"; exit 1; }
done
is "both databases are whole after each of $k cuts" "$broken" 0
stop_meters

# What survived is read by the server as it is, without the shim.
kill_server
start_again
login
all_is_durable "the power was cut $cuts times"
gone=''
while read -r device; do api GET "/api/devices/$device/readings" || gone+=" $device"; done <"$added"
note "$(wc -l <"$added") devices were added"
ok 'devices were added meanwhile' test -s "$added"
is 'every device that was added is there' "$gone" ''
gone=''
while read -r device; do grep -q "^$device:" "$SERVER_DATA/broker/passwords" || gone+=" $device"; done <"$added"
is 'and its password is' "$gone" ''

# That this test can see a loss: on a disk that does not sync when it says so, acknowledged readings do not survive.
cp -- "$METERS_STATE" "$TMP/meters.before"
kill_server
launch_recorded SM_POWERLOSS_LIE=1
wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)"
METERS_STATE=$TMP/meters-2
start_meters --rate 600 --twice 0 --start 2026-03-01T00:00:00Z
meters_go_on 500
stop_meters
cut_power lie --share 0
start_again
login
if compare_all; then fail 'with a disk that lies, something is lost'; fi
like 'with a disk that lies, the oracle sees what is lost' "$(json .missing "$FOUND")" '^[1-9]'
finish
