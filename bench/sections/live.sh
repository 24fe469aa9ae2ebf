# shellcheck shell=bash
# From a meter's publish through the bundled Mosquitto and the server to many people's WebSockets, each watching one meter.

# Each user may have 50 connections; a token of one serves them all.
SM_LIVE_EACH=50

# make_viewers COUNT: users viewer-0, viewer-1, …
make_viewers() {
  local i
  for ((i = 0; i < $1; i++)); do
    printf '%s' "$ADMIN_PASSWORD" | "${SM_SERVER_ENV[@]}" "$SM_SERVER" user add --email "viewer-$i@example.org" --role admin \
      --password-stdin >/dev/null
  done
}

# log_in_viewers COUNT: their access tokens, one a line.
log_in_viewers() {
  local i
  for ((i = 0; i < $1; i++)); do
    ADMIN_EMAIL=viewer-$i@example.org login
    printf '%s\n' "$TOKEN"
  done
}

section_live() {
  local viewers=$(((SM_LIVE_CLIENTS + SM_LIVE_EACH - 1) / SM_LIVE_EACH)) log=$SM_BENCH_DIR/live.txt tokens=$SM_BENCH_DATA/live.tokens
  local published arrived
  say "bench: live, $SM_LIVE_CLIENTS clients, $SM_LIVE_RATE readings a second"
  fresh_server
  set_up_bundled_broker
  start_bundled_broker
  server_environment
  make_viewers "$viewers"
  start_server
  wait_until_true 60 "$(child_pid server)" server_is_ready || stopped_early server
  run_beside mosquitto "$log" "$SM_BENCH_BIN/bench_firehose" --connect "$MQTT_PORT" --connections 4 --window 25 \
    --devices "$SM_LIVE_CLIENTS" --start "$SM_START_S" --steps 1
  wait_until_stored "$SM_LIVE_CLIENTS" 900
  log_in_viewers "$viewers" >"$tokens"
  run_beside server "$log" "$SM_BENCH_BIN/bench_live" --http-port "$HTTP_PORT" --mqtt-port "$MQTT_PORT" --tokens "$tokens" \
    --clients "$SM_LIVE_CLIENTS" --rate "$SM_LIVE_RATE" --seconds "$SM_LIVE_SECONDS"
  end_child server
  end_child mosquitto
  published=$(value published "$log") arrived=$(value arrived "$log")
  [[ $published == "$arrived" ]] || die "bench: of $published readings $arrived reached the clients."
  add_row "live, $SM_LIVE_CLIENTS clients, publish to screen, p50 (ms)" "$(value p50_ms "$log")"
  add_row "live, $SM_LIVE_CLIENTS clients, publish to screen, p99 (ms)" "$(value p99_ms "$log")" '' '' '< 100'
  drop_data server
}
