# shellcheck shell=bash
# Whether a storm of HTTP holds readings up: meters send by the bundled Mosquitto at a steady rate, and how long they wait for
# their acks is measured twice, in calm and while wrk asks with thousands of connections as fast as it can. With the limits of
# rates and connections that are delivered: one address, as an attacker has it; and once more without any, as if it had many.

# storm_ask NAME: bench_storm's figures in storm-NAME.txt.
storm_ask() {
  run_beside server "$SM_BENCH_DIR/storm-$1.txt" "$SM_BENCH_BIN/bench_storm" --mqtt-port "$MQTT_PORT" --meters "$SM_STORM_METERS" \
    --rate "$SM_STORM_RATE" --seconds "$SM_STORM_SECONDS"
  [[ $(value published "$SM_BENCH_DIR/storm-$1.txt") == "$(value acked "$SM_BENCH_DIR/storm-$1.txt")" ]] ||
    die "bench: not every reading was acknowledged:" "$(cat "$SM_BENCH_DIR/storm-$1.txt")"
}

# storm_wrk NAME: starts wrk for as long as bench_storm asks, and a little longer.
storm_wrk() {
  start_child wrk "$SM_BENCH_DIR/storm-$1-wrk.txt" wrk -t 2 -c "$SM_STORM_CONNECTIONS" -d "$((SM_STORM_SECONDS + 4))s" --timeout 10s \
    -H "Authorization: Bearer $TOKEN" "$API/api/devices?limit=100"
}

# storm_once NAME [SETTING...]: calm, then storm, on a fresh server; the rows are added under the title.
storm_once() {
  local name=$1 title=$2 quantile
  shift 2
  fresh_server
  set_up_bundled_broker
  start_bundled_broker
  start_server "$@"
  wait_until_true 60 "$(child_pid server)" server_is_ready || stopped_early server
  login
  storm_ask "$name-calm"
  storm_wrk "$name"
  storm_ask "$name-storm"
  forget_child wrk || true
  end_child server
  end_child mosquitto
  for quantile in p50 p99; do
    add_row "storm, $title, publish to ack, $quantile (ms)" \
      "$(calc "$(value "${quantile}_us" "$SM_BENCH_DIR/storm-$name-storm.txt") / 1000")" 'itself, in calm' \
      "$(calc "$(value "${quantile}_us" "$SM_BENCH_DIR/storm-$name-calm.txt") / 1000")"
  done
  drop_data server
}

section_storm() {
  say "bench: storm, $SM_STORM_CONNECTIONS connections, $SM_STORM_RATE readings a second, $SM_STORM_SECONDS s"
  storm_once limited "one address" SMARTMETER_RATE_READS= SMARTMETER_RATE_WRITES= SMARTMETER_RATE_COSTLY= SMARTMETER_RATE_LOGINS=
  storm_once open "without limits" SMARTMETER_TRUSTED_PROXIES=127.0.0.1
}
