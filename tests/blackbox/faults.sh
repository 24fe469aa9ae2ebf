# shellcheck shell=bash
# For tests of faults: lib.sh, the release build, and an oracle that plays the meters (tests/faults/oracle.py). A whole test:
#
#   source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
#   start_world                              # broker, server, devices
#   start_meters                             # they send until stop_meters
#   wait_until 'some are acknowledged' meters_acked 500
#   ... the fault ...
#   meters_go_on 500                         # after it, so many more are acknowledged
#   stop_meters                              # all that was sent has been acknowledged
#   all_is_there 'after the fault'           # every acknowledged reading there, once, with its values; nothing else
#   finish
#
# Everything random follows from SEED, which is printed; SM_SEED=N ./test --only NAME runs it again with the same.
# shellcheck source=tests/blackbox/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# FAULT_BUILD=asan before this is sourced: a test that needs no shim and is as good on the build with sanitizers.
SM_BINARY=${SM_FAULT_BINARY:-$SM_ROOT/build/${FAULT_BUILD:-release}/smartmeter}
SM_FAULTS=$SM_ROOT/tests/faults
# The shared objects that are loaded into the server, built with the tests.
SM_SHIMS=${SM_SHIMS:-$SM_ROOT/build/asan/tests/faults}
SEED=${SM_SEED:-$((SRANDOM % 1000000))}
RANDOM=$SEED
PLAIN_METERS=${PLAIN_METERS:-6}
SEQ_METERS=${SEQ_METERS:-4}
# Where the server of this test has its data.
SERVER_DATA=$DATA
SERVER_SETTINGS=()
METERS_STATE=$TMP/meters
note "seed $SEED"

# long SHORT LONG: how often, by ./test or ./test --long.
long() { if [[ ${SM_TEST_LONG:-0} == 1 ]]; then printf '%s' "$2"; else printf '%s' "$1"; fi; }

# random_below N: 0 .. N-1.
random_below() { printf '%s' "$((((RANDOM << 15) | RANDOM) % $1))"; }

# pause_ms N: not a wait for anything: a moment that is random, or as long as a fault is to last.
pause_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# start_world [NAME=VALUE...]: broker, server with these settings, a token, and the devices of the meters.
start_world() {
  start_broker
  SERVER_SETTINGS+=("$@")
  start_again
  login
  add_devices plain "$PLAIN_METERS"
  add_devices seq "$SEQ_METERS"
}

# with_tap: to be called before start_world: the server reaches the broker through tap.py, which counts on the wire.
# acknowledged_count: PUBACK packets from the server; said_count: PUBLISH packets from it, which are acks to meters.
with_tap() {
  local port password
  port=$(free_port)
  make_ca "$DATA/broker"
  make_server_account "$DATA/broker"
  password=$(<"$DATA/broker/server.password")
  start_child tap "$TMP/log/tap.log" python3 "$SM_FAULTS/tap.py" "$port" "$MQTTS_PORT" "$DATA/broker/ca.crt" "$TMP/tap.count"
  wait_for_port "$port" "$WAIT_S" "$(child_pid tap)" || { fail 'the tap listens'; exit 1; }
  SERVER_SETTINGS+=("SMARTMETER_MQTT_URL=mqtt://smartmeter-server:$password@127.0.0.1:$port")
}
said_count() { cut -d' ' -f3 <"$TMP/tap.count"; }
acknowledged_count() { cut -d' ' -f2 <"$TMP/tap.count"; }

# start_again [NAME=VALUE...]: the server, with the settings of before and these, until it is ready.
start_again() { start_server "SMARTMETER_DATA_DIR=$SERVER_DATA" "${SERVER_SETTINGS[@]}" "$@"; }
launch_again() { launch_server "SMARTMETER_DATA_DIR=$SERVER_DATA" "${SERVER_SETTINGS[@]}"; }

# add_devices PREFIX COUNT: PREFIX-0 ..., as the oracle names its meters.
add_devices() {
  local i
  for ((i = 0; i < $2; i++)); do
    api POST /api/devices "{\"device_id\": \"$1-$i\"}" || fail "$1-$i is added" "$API_STATUS $API_BODY"
  done
}

# start_meters [OPTION...]: of oracle.py meters.
start_meters() {
  rm -f -- "$METERS_STATE" "$METERS_STATE.count"
  start_child meters "$TMP/log/meters.log" python3 "$SM_FAULTS/oracle.py" meters --port "$MQTT_PORT" --state "$METERS_STATE" \
    --seed "$SEED" --plain "$PLAIN_METERS" --seq "$SEQ_METERS" "$@"
}

# acked_count: how many readings have been acknowledged to the meters.
acked_count() {
  local acked=0
  { read -r _ acked <"$METERS_STATE.count"; } 2>/dev/null || true
  printf '%s' "${acked:-0}"
}

meters_acked() { (($(acked_count) >= $1)); }

# meters_go_on COUNT: waits until so many more are acknowledged than now.
meters_go_on() { wait_until "$1 more readings are acknowledged" meters_acked "$(($(acked_count) + $1))"; }

meters_have_ended() { ! alive "$(child_pid meters)"; }

# stop_meters: no new readings; waits until all that were sent are acknowledged.
stop_meters() {
  local status=0
  kill -TERM "$(child_pid meters)"
  if ! wait_until_true "$WAIT_S" "$(server_pid)" meters_have_ended; then
    note "sent and acknowledged: $(<"$METERS_STATE.count"); of meters with seq: $(<"$METERS_STATE.seq")"
    fail 'all that was sent is acknowledged'
    exit 1
  fi
  forget_child meters || status=$?
  is 'all that was sent is acknowledged' "$status" 0
}

# compare_all [OPTION...]: what the oracle finds, as JSON in FOUND. False if anything is wrong.
compare_all() {
  local status=0
  FOUND=$(SM_TOKEN=$TOKEN python3 "$SM_FAULTS/oracle.py" check --api "$API" --state "$METERS_STATE" "$@") || status=$?
  note "$FOUND"
  return "$status"
}

# all_is_there NAME: every acknowledged reading is stored, once, as it was sent, and nothing else. What only the broker has
# acknowledged may take WAIT_S to come.
all_is_there() { ok "every acknowledged reading is there, once: $1" compare_all --wait-s "$WAIT_S"; }

# all_is_durable NAME: the same after a SIGKILL and a restart, when only what is on disk can answer.
all_is_durable() {
  all_is_there "$1"
  kill_server
  start_again
  login
  all_is_there "$1, and killed"
}

# server_says STATUS PATH: whether a GET answers so. answer_of PATH: the body.
server_says() { [[ $(http_status "$API$2") == "$1" ]]; }
