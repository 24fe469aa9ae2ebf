# shellcheck shell=bash
# The whole path on this machine: the firehose as meters, the bundled Mosquitto as ./run sets it up, the server. CPU of both
# for the same messages: where the server's is the smaller, the broker is what limits.

set_up_bundled_broker() {
  local dir=$SM_BENCH_DATA/server/broker
  mkdir -p "$dir"
  (
    umask 077
    make_ca "$dir"
    make_certificate "$dir" no
    make_server_account "$dir"
    write_broker_conf "$dir" "$SM_BENCH_DIR/mosquitto.log" "$MQTT_PORT" "$MQTTS_PORT" 127.0.0.1
  )
}

start_bundled_broker() {
  local port
  start_child mosquitto "$SM_BENCH_DIR/mosquitto.log" mosquitto -c "$SM_BENCH_DATA/server/broker/mosquitto.conf"
  for port in "$MQTT_PORT" "$MQTTS_PORT"; do
    wait_for_port "$port" 30 "$(child_pid mosquitto)" || stopped_early mosquitto
  done
}

# As the meters of ./run's demo do, by the plain listener.
publish_steps() {
  run_beside mosquitto "$1" "$SM_BENCH_BIN/bench_firehose" --connect "$MQTT_PORT" --connections 4 --window 25 \
    --devices "$SM_BROKER_DEVICES" --start "$SM_START_S" "${@:2}"
}

server_is_ready() { [[ $(http_status "$API/readyz") == 200 ]]; }

# broker_path TITLE LOG STEPS: rows of the server and the broker that are running.
broker_path() {
  local title=$1 log=$2 steps=$3 server broker server_ticks broker_ticks began_ms messages server_us broker_us wall_ms
  server=$(measured_pid server) broker=$(child_pid mosquitto)
  wait_until_true 60 "$(child_pid server)" server_is_ready || stopped_early server
  publish_steps "$log" --steps 1
  wait_until_stored "$SM_BROKER_DEVICES" 300
  server_ticks=$(cpu_ticks "$server") broker_ticks=$(cpu_ticks "$broker") began_ms=$(now_ms)
  publish_steps "$log" --skip 1 --steps "$steps"
  messages=$(value messages "$log")
  wait_until_stored $((SM_BROKER_DEVICES + messages)) 600
  wall_ms=$(($(now_ms) - began_ms))
  server_us=$(calc "($(cpu_ticks "$server") - $server_ticks) * 10000 / $messages")
  broker_us=$(calc "($(cpu_ticks "$broker") - $broker_ticks) * 10000 / $messages")
  add_row "$title, CPU a message (us)" "$server_us" Mosquitto "$broker_us" 'x < 1'
  add_row "$title, busy (% of a core)" "$(calc "$server_us * $messages / $wall_ms / 10")" Mosquitto \
    "$(calc "$broker_us * $messages / $wall_ms / 10")"
  add_row "$title, messages a second" "$(calc "$messages * 1000 / $wall_ms")"
}

# With the bundled settings Mosquitto writes its whole queue to disk at each change. Without that, and with no limit to what is
# under way, it is as fast as it can be.
without_saving() {
  sed -i -e 's/^autosave_on_changes .*/autosave_on_changes false/' -e 's/^autosave_interval .*/autosave_interval 1800/' \
    -e 's/^max_inflight_messages .*/max_inflight_messages 0/' "$SM_BENCH_DATA/server/broker/mosquitto.conf"
}

# broker_round TITLE LOG STEPS [COMMAND]: a fresh broker, whose settings COMMAND changes, and a fresh server.
broker_round() {
  say "bench: broker, $1, $SM_BROKER_DEVICES meters, $3 readings each"
  fresh_server
  set_up_bundled_broker
  if (($# > 3)); then "$4"; fi
  start_bundled_broker
  start_server
  broker_path "$1" "$SM_BENCH_DIR/$2" "$3"
  end_child server
  end_child mosquitto
  drop_data server
}

section_broker() {
  broker_round 'whole path' broker.txt "$SM_BROKER_STEPS"
  broker_round 'same, queue not saved' broker-unsaved.txt "$SM_BROKER_UNSAVED_STEPS" without_saving
}
