# shellcheck shell=bash
# For tests of faults, after faults.sh: two servers, the one and the other, on one store and one broker. The store is STORE_URL, or the
# database of DATA.
#
#   start_two_servers                 # broker, both servers, a token, the devices of the meters
#   kill_one_of_two N                 # and it starts again
#   at_other api GET /api/devices     # with the other server's API and metrics
#
# or in steps: start_own_broker, start_again, share_keys, launch_other, other_is_ready.
OTHER_DATA=$TMP/other
{
  read -r OTHER_HTTP_PORT
  read -r OTHER_METRICS_PORT
} < <(free_port 2)
OTHER_API=http://127.0.0.1:$OTHER_HTTP_PORT
# What the other one is told besides SERVER_SETTINGS.
OTHER_SETTINGS=()
SERVER_SETTINGS+=("SMARTMETER_MQTT_URL=mqtt://smartmeter-server:secret@127.0.0.1:$MQTT_PORT" "SMARTMETER_LEASE_S=${LEASE_S:-3}")

# A broker of the operator's own, as docs/scaling.md asks for it: client ids and what servers tell each other are theirs alone.
start_own_broker() {
  local dir=$TMP/broker
  mkdir -p "$dir"
  mosquitto_passwd -b -c "$dir/passwords" smartmeter-server secret
  printf '%s\n' "listener $MQTT_PORT 127.0.0.1" 'allow_anonymous true' "password_file $dir/passwords" "acl_file $dir/acl" \
    'max_inflight_messages 0' 'max_queued_messages 0' 'persistence false' "user $(id -un)" >"$dir/mosquitto.conf"
  printf '%s\n' 'topic write meters/+/telemetry' 'topic write meters/+/status' 'topic read meters/+/ack' '' \
    'user smartmeter-server' 'topic read meters/#' 'topic write meters/+/ack' 'topic write meters/+/command' \
    'topic readwrite smartmeter/probe/#' 'topic readwrite smartmeter/live/#' >"$dir/acl"
  start_child broker "$TMP/log/broker.log" mosquitto -c "$dir/mosquitto.conf"
  wait_for_port "$MQTT_PORT" "$WAIT_S" "$(child_pid broker)" || { fail 'the broker starts'; exit 1; }
}

# The keys are the same, copied before the other one starts.
share_keys() {
  mkdir -p "$OTHER_DATA"
  cp -r -- "$DATA/keys" "$OTHER_DATA/"
}

launch_other() {
  server_command "SMARTMETER_DATA_DIR=$OTHER_DATA" "SMARTMETER_HTTP_PORT=$OTHER_HTTP_PORT" "SMARTMETER_METRICS_PORT=$OTHER_METRICS_PORT" \
    "SMARTMETER_STORE=${STORE_URL:-$(store_url "$DATA")}" "${SERVER_SETTINGS[@]}" "${OTHER_SETTINGS[@]}"
  start_child other "$TMP/log/other.log" "${SM_COMMAND[@]}" serve
}
one_is_ready() { wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || { fail 'the one is ready'; return 1; }; }
other_is_ready() { wait_for_http "$OTHER_API/readyz" "$WAIT_S" "$(child_pid other)" || { fail 'the other server is ready'; return 1; }; }
kill_other() { end_child other KILL 2>/dev/null || true; }
stop_both() {
  end_child other TERM || fail 'the other server ends'
  stop_server || fail 'the server ends'
}

start_two_servers() {
  start_own_broker
  start_again
  login
  share_keys
  launch_other
  other_is_ready
  add_devices plain "$PLAIN_METERS"
  add_devices seq "$SEQ_METERS"
}

# kill_one_of_two N: the one or the other, and it starts again at once.
kill_one_of_two() {
  if (($1 % 2 == 0)); then
    kill_server 2>/dev/null
    start_again
    login
  else
    kill_other
    launch_other
    other_is_ready
  fi
}

# at_other COMMAND...: asked of the other server. at_one: of the one.
# shellcheck disable=SC2034 # by name: lib.sh asks there
at_other() { local API=$OTHER_API METRICS_PORT=$OTHER_METRICS_PORT && "$@"; }
at_one() { "$@"; }

# metric_is NAME VALUE; metric_over NAME VALUE: more than that. False where it does not tell.
metric_is() { [[ $(metric "$1") == "$2" ]]; }
metric_over() { local value && value=$(metric "$1") && ((${value:-0} > $2)); }
see_each_other() { metric_is smartmeter_servers_others 1 && at_other metric_is smartmeter_servers_others 1; }
leads() { metric_is smartmeter_servers_leads 1; }
lead_is_one() { [[ $(metric smartmeter_servers_leads)$(at_other metric smartmeter_servers_leads) == @(01|10) ]]; }

# slots_are N: so many client ids are leased: those of who is there, as what a dead one left is drained, and its session ended. With
# the database of DATA.
slots_are() { [[ $(ledger_sql "SELECT count(*) FROM lease WHERE name LIKE 'fleet/mqtt/%'") == "$1" ]]; }
