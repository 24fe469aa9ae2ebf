# shellcheck shell=bash
# CPU a reading from the socket until it is durable, with the firehose as broker: the server, a libmosquitto subscriber that
# stores nothing, and mqtt.js with better-sqlite3, in turn, several times; the medians count.

# cpu_feed NAME LOG FIREHOSE_OPTION...: gives the child NAME, a subscriber at MQTT_PORT, the section's readings.
cpu_feed() {
  local name=$1 log=$2
  shift 2
  run_beside "$name" "$log" "$SM_BENCH_BIN/bench_firehose" --port "$MQTT_PORT" --usage "$(usage_of "$name")" --warm \
    --devices "$SM_CPU_DEVICES" --steps "$SM_CPU_STEPS" --start "$SM_START_S" "$@"
}

# cpu_to_end NAME LOG: CPU from the first measured message until the process has ended, a reading, in us.
cpu_to_end() { calc "($(value total_cpu_us "$(usage_of "$1")") - $(value cpu_before_us "$2")) / $(value readings "$2")"; }

cpu_a_reading() { calc "$(value cpu_us "$1") / $(value readings "$1")"; }

# The three: each prints "CPU to the last PUBACK, CPU to the end", us a reading.
cpu_of_server() {
  local log=$1
  fresh_server
  start_fed_server
  cpu_feed server "$@"
  check_stored $((SM_CPU_DEVICES * (SM_CPU_STEPS + 1)))
  end_child server
  say "$(cpu_a_reading "$log") $(cpu_to_end server "$log")" >>"$SM_CPU_FIGURES.server"
  drop_data server
}

cpu_of_bare() {
  local log=$1
  MQTT_PORT=$(free_port)
  start_measured bare "$SM_BENCH_BIN/bench_bare_subscriber" "$MQTT_PORT"
  cpu_feed bare "$@"
  end_child bare
  say "$(cpu_a_reading "$log") $(cpu_to_end bare "$log")" >>"$SM_CPU_FIGURES.bare"
}

# cpu_of_node TABLE LOG FIREHOSE_OPTION...
cpu_of_node() {
  local table=$1 log=$2
  shift
  MQTT_PORT=$(free_port)
  drop_data node
  mkdir -p "$SM_BENCH_DATA/node"
  start_measured node node "$SM_ROOT/bench/node/subscriber.js" "$MQTT_PORT" "$SM_BENCH_DATA/node/readings.db" "$table"
  cpu_feed node "$@"
  end_child node
  # What is acknowledged is not stored yet, so its end counts.
  say "$(cpu_a_reading "$log") $(cpu_to_end node "$log")" >>"$SM_CPU_FIGURES.$table"
  drop_data node
}

# cpu_figure NAME COLUMN: the median over the rounds.
cpu_figure() {
  # shellcheck disable=SC2046 # numbers
  median $(awk -v column="$2" '{ print $column }' "$SM_CPU_FIGURES.$1")
}

# cpu_rounds TITLE FIREHOSE_OPTION...
cpu_rounds() {
  local title=$1 round log
  shift
  SM_CPU_FIGURES=$SM_BENCH_DATA/cpu
  rm -f -- "$SM_CPU_FIGURES".*
  for ((round = 1; round <= SM_CPU_ROUNDS; round++)); do
    say "bench: cpu, $title, round $round of $SM_CPU_ROUNDS"
    log=$SM_BENCH_DIR/cpu
    cpu_of_server "$log-server.txt" "$@"
    cpu_of_bare "$log-bare.txt" "$@"
    cpu_of_node plain "$log-node-plain.txt" "$@"
    cpu_of_node unique "$log-node-unique.txt" "$@"
  done
  tail -n +1 -- "$SM_CPU_FIGURES".* >"$SM_BENCH_DIR/cpu-rounds-${title//[ ,]/-}.txt"
}

# cpu_rows TITLE [TARGETS]: with TARGETS, those of docs/design.md.
cpu_rows() {
  local title="CPU a reading, $1 (us)" ours
  ours=$(cpu_figure server 1)
  add_row "$title" "$ours" 'none' '' "${2:+<= 3}"
  add_row "$title" "$ours" 'bare libmosquitto' "$(cpu_figure bare 1)" "${2:+x <= 0.5}"
  # The target is of the peer that keeps a reading once, as Smartmeter does; see bench/README.md.
  add_row "$title" "$ours" 'Node, each once' "$(cpu_figure unique 2)" "${2:+x <= 0.1}"
  add_row "$title" "$ours" 'Node, no identity' "$(cpu_figure plain 2)"
  add_row "same, with sealing and a clean stop" "$(cpu_figure server 2)"
}

section_cpu() {
  cpu_rounds 'one a message' --per-message 1
  cpu_rows 'one a message' targets
  cpu_rounds 'one a message, seq' --per-message 1 --seq
  cpu_rows 'one a message, seq'
  cpu_rounds '100 a message' --per-message 100
  cpu_rows '100 a message'
}
