# shellcheck shell=bash
# The same readings in bulk into each store: CPU of taking them in, and bytes a reading once each has settled.

# storage_of NAME NOISE LOAD_OPTION...: leaves figures in SM_BENCH_DATA/NAME.cpu (us a reading) and NAME.bytes (a reading).
storage_of_server() {
  local readings=$((SM_STORAGE_DEVICES * (SM_STORAGE_STEPS + 1)))
  fresh_server
  start_fed_server
  bulk_server "$SM_BENCH_DIR/storage-server-$1.txt" "$SM_STORAGE_DEVICES" "$SM_STORAGE_STEPS" --start "$SM_START_S" "${@:2}"
  end_days
  settle_server
  storage_figures server "$1" "$readings" "$SM_LOAD_CPU_US"
}

# A reading of today from each meter: days are merged when later readings show that they are over.
end_days() {
  feed_server "$SM_BENCH_DIR/storage-end.txt" --devices "$SM_STORAGE_DEVICES" --steps 1 --start "$(($(date +%s) - 60))"
}

# storage_of_peer NAME NOISE LOAD_OPTION...
storage_of_peer() {
  local name=$1 noise=$2 log=$SM_BENCH_DIR/storage-$1-$2.txt
  "start_$name"
  # One step more, as the server got it to know its devices.
  "load_$name" "$log" --devices "$SM_STORAGE_DEVICES" --steps $((SM_STORAGE_STEPS + 1)) --start "$SM_START_S" "${@:3}"
  "settle_$name"
  end_child "$name"
  storage_figures "$name" "$noise" "$(value readings "$log")" "$(value cpu_us "$log")"
}

storage_figures() {
  local name=$1 noise=$2 readings=$3 cpu_us=$4 bytes
  bytes=$("${name}_bytes")
  {
    say "settled_bytes=$bytes"
    say "load_cpu_us=$cpu_us"
    say "stored_readings=$readings"
  } >>"$SM_BENCH_DIR/storage-$name-$noise.txt"
  drop_data "$name"
}

storage_value() { value "$2" "$SM_BENCH_DIR/storage-$1.txt"; }
storage_bytes() { calc "$(storage_value "$1" settled_bytes) / $(storage_value "$1" stored_readings)"; }
storage_rate() { calc "$(storage_value "$1" stored_readings) * 1000000 / $(storage_value "$1" load_cpu_us)"; }

# storage_rows NOISE [TARGETS]
storage_rows() {
  local title="bytes a reading on disk, $1 data"
  add_row "$title" "$(storage_bytes "server-$1")" VictoriaMetrics "$(storage_bytes "victoria-$1")" "${2:+<= 5.5}"
  add_row "$title" "$(storage_bytes "server-$1")" InfluxDB "$(storage_bytes "influx-$1")"
  title="bulk load, readings a CPU second, $1"
  add_row "$title" "$(storage_rate "server-$1")" VictoriaMetrics "$(storage_rate "victoria-$1")" "${2:+x > 1}"
  add_row "$title" "$(storage_rate "server-$1")" InfluxDB "$(storage_rate "influx-$1")"
}

section_storage() {
  local noise peer
  for noise in noisy calm; do
    local options=()
    if [[ $noise == calm ]]; then options=(--calm); fi
    say "bench: storage, $noise data, $SM_STORAGE_DEVICES meters, $SM_STORAGE_STEPS readings each"
    storage_of_server "$noise" "${options[@]}"
    for peer in victoria influx; do storage_of_peer "$peer" "$noise" "${options[@]}"; done
  done
  storage_rows noisy targets
  storage_rows calm
}
