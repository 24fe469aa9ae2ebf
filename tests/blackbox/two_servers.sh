# shellcheck shell=bash
# For tests of faults, after faults.sh and with STORE_URL set: two servers on one store and one broker.
#
#   start_two_servers                 # broker, both servers, a token, the devices of the meters
#   kill_other; launch_other; other_is_ready
OTHER_DATA=$TMP/other
{
  read -r OTHER_HTTP_PORT
  read -r OTHER_METRICS_PORT
} < <(free_port 2)
OTHER_API=http://127.0.0.1:$OTHER_HTTP_PORT

# A broker of the operator's own, as several servers need one: client ids and what servers tell each other are theirs alone.
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
  SERVER_SETTINGS+=("SMARTMETER_MQTT_URL=mqtt://smartmeter-server:secret@127.0.0.1:$MQTT_PORT" SMARTMETER_LEASE_S=3)
}

launch_other() {
  server_command "${SERVER_SETTINGS[@]}" "SMARTMETER_DATA_DIR=$OTHER_DATA" "SMARTMETER_HTTP_PORT=$OTHER_HTTP_PORT" \
    "SMARTMETER_METRICS_PORT=$OTHER_METRICS_PORT"
  start_child other "$TMP/log/other.log" "${SM_COMMAND[@]}" serve
}
other_is_ready() { wait_for_http "$OTHER_API/readyz" "$WAIT_S" "$(child_pid other)" || { fail 'the other server is ready'; return 1; }; }
kill_other() { end_child other KILL 2>/dev/null || true; }

# The keys are the same, copied before the other one starts.
start_two_servers() {
  start_own_broker
  start_again
  login
  mkdir -p "$OTHER_DATA"
  cp -r -- "$DATA/keys" "$OTHER_DATA/"
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
