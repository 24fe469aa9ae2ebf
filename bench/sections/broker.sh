# shellcheck shell=bash
# The whole path on this machine: the firehose as meters, the bundled Mosquitto as ./run sets it up, the server. CPU of both
# for the same messages: where the server's is the smaller, the broker is what limits.

start_bundled_broker() {
  local dir=$SM_BENCH_DATA/server/broker port
  mkdir -p "$dir"
  (
    umask 077
    make_ca "$dir"
    make_certificate "$dir" no
    make_server_account "$dir"
    write_broker_conf "$dir" "$SM_BENCH_DIR/mosquitto.log" "$MQTT_PORT" "$MQTTS_PORT" 127.0.0.1
  )
  start_child mosquitto "$SM_BENCH_DIR/mosquitto.log" mosquitto -c "$dir/mosquitto.conf"
  for port in "$MQTT_PORT" "$MQTTS_PORT"; do
    wait_for_port "$port" 30 "$(child_pid mosquitto)" || stopped_early mosquitto
  done
}

# As the meters of ./run's demo do, by the plain listener.
publish_steps() {
  run_beside mosquitto "$SM_BENCH_DIR/broker.txt" "$SM_BENCH_BIN/bench_firehose" --connect "$MQTT_PORT" --connections 4 --window 500 \
    --devices "$SM_BROKER_DEVICES" --start "$SM_START_S" "$@"
}

server_is_ready() { [[ $(http_status "$API/readyz") == 200 ]]; }

section_broker() {
  local server_ticks broker_ticks began messages server_us broker_us wall_ms
  say "bench: broker, $SM_BROKER_DEVICES meters, $SM_BROKER_STEPS readings each, through Mosquitto"
  fresh_server
  start_bundled_broker
  start_server
  wait_until_true 60 "$(child_pid server)" server_is_ready || stopped_early server
  publish_steps --steps 1
  wait_until_stored "$SM_BROKER_DEVICES" 120

  server_ticks=$(cpu_ticks "$(measured_pid server)") broker_ticks=$(cpu_ticks "$(child_pid mosquitto)")
  began=$(now_ms)
  publish_steps --skip 1 --steps "$SM_BROKER_STEPS"
  messages=$(value messages "$SM_BENCH_DIR/broker.txt")
  wait_until_stored $((SM_BROKER_DEVICES + messages)) 600
  wall_ms=$(($(now_ms) - began))
  server_us=$(calc "($(cpu_ticks "$(measured_pid server)") - $server_ticks) * 10000 / $messages")
  broker_us=$(calc "($(cpu_ticks "$(child_pid mosquitto)") - $broker_ticks) * 10000 / $messages")
  say "wall_ms=$wall_ms" >>"$SM_BENCH_DIR/broker.txt"

  add_row 'whole path, CPU a message (us)' "$server_us" 'Mosquitto' "$broker_us" 'x < 1'
  add_row 'whole path, part of a core that is busy (%)' "$(calc "$server_us * $messages / $wall_ms / 10")" 'Mosquitto' \
    "$(calc "$broker_us * $messages / $wall_ms / 10")"
  add_row 'whole path, messages a second' "$(calc "$messages * 1000 / $wall_ms")"
  end_child server
  end_child mosquitto
  drop_data server
}
