# shellcheck shell=bash
# A private NATS server with JetStream and MQTT, for black-box tests; source it behind lib.sh. It is the Debian package's
# program without its service, everything in the test's folder, on loopback and free ports.

# write_nats_conf DIR [MQTT_LINE...]: with the accounts that docs/brokers.md gives. SM_NATS_FILE_STORE: bytes
# that JetStream may use.
write_nats_conf() {
  local dir=$1
  cat >"$dir/nats.conf" <<EOF
listen: "127.0.0.1:$NATS_PORT"
http: "127.0.0.1:$NATS_MONITOR_PORT"
server_name: smartmeter
jetstream { store_dir: "$dir/jetstream"${SM_NATS_FILE_STORE:+, max_file_store: $SM_NATS_FILE_STORE} }
mqtt {
  listen: "127.0.0.1:$MQTT_PORT"
$(printf '  %s\n' "${@:2}")
}
authorization {
  users = [
    { user: smartmeter-server, password: "$BROKER_PASSWORD" }
    $(nats_meter m1 "$BROKER_PASSWORD")
  ]
}
EOF
}

# nats_meter NAME PASSWORD: the account of a meter that may write its own telemetry and status, and hear its own ack and command.
nats_meter() {
  printf '{ user: %s, password: "%s", permissions: { publish: ["meters.%s.telemetry", "meters.%s.status", "meters.%s.firmware"],' "$1" "$2" "$1" "$1" "$1"
  # shellcheck disable=SC2016 # NATS's own names
  printf ' subscribe: ["meters.%s.ack", "meters.%s.command", "$MQTT.sub.>"] } }\n' "$1" "$1"
}

# start_nats [MQTT_LINE...]: in $DATA/broker, as the child `broker`; again after stop_broker or kill_broker it starts on what is
# there.
start_nats() {
  local dir=$DATA/broker
  mkdir -p "$dir"
  { read -r NATS_PORT; read -r NATS_MONITOR_PORT; } < <(free_port 2)
  write_nats_conf "$dir" "$@"
  start_child broker "$TMP/log/nats.log" nats-server -c "$dir/nats.conf"
  wait_for_port "$MQTT_PORT" "$WAIT_S" "$(child_pid broker)" || { fail 'NATS starts'; exit 1; }
}

# nats_redelivered: how many messages JetStream waits for an acknowledgement of that it has sent more than once.
nats_redelivered() {
  curl -sS --max-time 10 "http://127.0.0.1:$NATS_MONITOR_PORT/jsz?consumers=true" 2>>"$TMP/log/curl.log" | python3 -c '
import json, sys
account = json.load(sys.stdin)["account_details"][0]
print(sum(c["num_redelivered"] for s in account["stream_detail"] for c in s.get("consumer_detail") or []))'
}
