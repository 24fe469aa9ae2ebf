# shellcheck shell=bash
# What is measured, as black boxes: each started on loopback on free ports with its data in a folder of its own below
# SM_BENCH_DATA, ended by process id, and its data removed. One at a time.

ADMIN_EMAIL=admin@example.org
ADMIN_PASSWORD='correct horse battery staple'
SM_SERVER=${SM_BINARY:-$SM_ROOT/build/release/smartmeter}
SM_BENCH_BIN=$SM_ROOT/build/bench/bench

# shellcheck disable=SC2153 # bench/run sets SM_BENCH_DIR
# start_measured NAME COMMAND...: COMMAND under bench_usage; its figures will be in the file that usage_of NAME prints.
start_measured() {
  local name=$1
  shift
  rm -f -- "$(usage_of "$name")"
  start_child "$name" "$SM_BENCH_DIR/$name.log" "$SM_BENCH_BIN/bench_usage" "$(usage_of "$name")" "$@"
  wait_until_true 10 "$(child_pid "$name")" test -s "$(usage_of "$name")" || stopped_early "$name"
}

usage_of() { printf '%s' "$SM_BENCH_DATA/$1.usage"; }

# measured_pid NAME: of the program itself, not of bench_usage around it.
measured_pid() { value pid "$(usage_of "$1")"; }

stopped_early() {
  child_failed "$1" 'did not do its work'
  exit 1
}

# end_child NAME: asks it to end, if it has not, and waits for as long as it takes.
end_child() {
  kill -TERM "$(child_pid "$1")" 2>/dev/null || true
  forget_child "$1" || stopped_early "$1"
}

# What run_beside runs now, if anything.
SM_BESIDE=''

# run_beside NAME LOG COMMAND...: runs COMMAND to its end while the child NAME lives; its output in LOG.
run_beside() {
  local name=$1 log=$2 pid
  shift 2
  "$@" >"$log" 2>&1 </dev/null &
  pid=$! SM_BESIDE=$!
  while alive "$pid"; do
    alive "$(child_pid "$name")" || stopped_early "$name"
    sleep 0.05
  done
  SM_BESIDE=''
  wait "$pid" && return 0
  complain "bench: failed: $*"
  last_lines "$log" 10
  exit 1
}

end_beside() { [[ -z $SM_BESIDE ]] || kill -TERM "$SM_BESIDE" 2>/dev/null; }

# bytes_in PATH...: what the disk holds of it; not the files' lengths, since InfluxDB reserves 32 MiB of holes.
bytes_in() { du -c -B1 -- "$@" 2>/dev/null | awk 'END { print $1 }'; }

# cpu_ticks PID: user and system time so far, in the kernel's ticks (10 ms).
cpu_ticks() {
  local stat fields
  read -r stat <"/proc/$1/stat"
  read -r -a fields <<<"${stat##*) }"
  printf '%s' "$((fields[11] + fields[12]))"
}

# --- smartmeter ----------------------------------------------------------------------------------------------------------

# fresh_server: an empty data folder, and ports.
fresh_server() {
  rm -rf -- "$SM_BENCH_DATA/server"
  mkdir -p "$SM_BENCH_DATA/server"
  { read -r HTTP_PORT; read -r METRICS_PORT; read -r MQTT_PORT; read -r MQTTS_PORT; } < <(free_port 4)
  API=http://127.0.0.1:$HTTP_PORT
}

# server_environment [NAME=VALUE...]: fills SM_SERVER_ENV. Nothing of the developer's own settings gets in, and no .env.
server_environment() {
  local name
  SM_SERVER_ENV=(env -C "$SM_BENCH_DATA/server")
  for name in $(compgen -e SMARTMETER_); do SM_SERVER_ENV+=(-u "$name"); done
  SM_SERVER_ENV+=("SMARTMETER_DATA_DIR=$SM_BENCH_DATA/server" "SMARTMETER_HTTP_PORT=$HTTP_PORT"
    "SMARTMETER_METRICS_PORT=$METRICS_PORT" "SMARTMETER_MQTT_PORT=$MQTT_PORT" "SMARTMETER_MQTTS_PORT=$MQTTS_PORT"
    SMARTMETER_RATE_READS=0 SMARTMETER_RATE_WRITES=0 SMARTMETER_RATE_COSTLY=0 SMARTMETER_RATE_LOGINS=0
    SMARTMETER_AUTO_REGISTER=1 "SMARTMETER_ADMIN_EMAIL=$ADMIN_EMAIL" "SMARTMETER_ADMIN_PASSWORD=$ADMIN_PASSWORD" "$@")
}

# start_server [NAME=VALUE...]
start_server() {
  server_environment "$@"
  start_measured server "${SM_SERVER_ENV[@]}" "$SM_SERVER" serve
  wait_for_port "$METRICS_PORT" 60 "$(child_pid server)" || stopped_early server
}

# The firehose takes the place of its broker.
start_fed_server() { start_server "SMARTMETER_MQTT_URL=mqtt://127.0.0.1:$MQTT_PORT"; }

metric() {
  curl -sS --max-time 20 "http://127.0.0.1:$METRICS_PORT/metrics" |
    awk -v name="$1" 'substr($0, 1, length(name) + 1) == name " " { print $NF }'
}

stored_is() { [[ $(metric smartmeter_readings_accepted_total) == "$1" ]]; }

# wait_until_stored READINGS SECONDS
wait_until_stored() { wait_until_true "$2" "$(child_pid server)" stored_is "$1" || stopped_early server; }

# check_stored READINGS: that the server counted as many as were sent, and refused none.
check_stored() {
  stored_is "$1" || die "bench: the server has stored $(metric smartmeter_readings_accepted_total) of $1 readings." \
    "Its log: $SM_BENCH_DIR/server.log"
}

# bulk_server LOG DEVICES STEPS FIREHOSE_OR_LOAD_OPTION...: the readings as `smartmeter import` takes them in, or in arrays over
# MQTT where there is no import; one of each meter comes over MQTT in any case, so that the ledger knows them. Leaves
# SM_LOAD_CPU_US, of the server and, with import, of the importing process.
bulk_server() {
  local log=$1 devices=$2 steps=$3 base
  shift 3
  base=$(metric smartmeter_readings_accepted_total)
  if can_import; then
    feed_server "$log" --devices "$devices" --steps 0 --warm "$@"
    check_stored $((base + devices))
    import_readings "$log" $((devices * steps)) --devices "$devices" --skip 1 --steps "$steps" "$@"
  else
    feed_server "$log" --devices "$devices" --steps "$steps" --warm --per-message 240 "$@"
    check_stored $((base + devices * (steps + 1)))
    SM_LOAD_CPU_US=$(value cpu_us "$log")
  fi
}

can_import() { "$SM_SERVER" import --help >/dev/null 2>&1; }

# import_readings LOG READINGS LOAD_OPTION...
# shellcheck disable=SC2034
import_readings() {
  local log=$1 readings=$2 file=$SM_BENCH_DATA/import.jsonl pid before
  shift 2
  "$SM_BENCH_BIN/bench_load" --file "$file" --format json "$@" >>"$log"
  pid=$(measured_pid server)
  before=$(cpu_ticks "$pid")
  run_beside server "$log.import" "$SM_BENCH_BIN/bench_usage" "$(usage_of import)" "${SM_SERVER_ENV[@]}" "$SM_SERVER" import "$file"
  SM_LOAD_CPU_US=$(calc "($(cpu_ticks "$pid") - $before) * 10000 + $(value total_cpu_us "$(usage_of import)")")
  tr -d , <"$log.import" >>"$log"
  tail -n 1 -- "$log" | grep -qF " $readings stored" || die "bench: not all of $readings readings were imported:" "$(tail -n 3 -- "$log")"
  rm -f -- "$file" "$log.import"
}

# feed_server LOG FIREHOSE_OPTION...: the firehose's figures in LOG.
feed_server() {
  local log=$1
  shift
  run_beside server "$log" "$SM_BENCH_BIN/bench_firehose" --port "$MQTT_PORT" --usage "$(usage_of server)" "$@"
}

# settle_server: what it has is sealed at a clean stop, and what it merges in the background at a start is let to end.
settle_server() {
  end_child server
  start_fed_server
  wait_until_still server "$SM_BENCH_DATA/server"
  end_child server
}

# What readings take; users and devices (ledger.db) and keys are no readings.
server_bytes() { bytes_in "$SM_BENCH_DATA"/server/readings.db*; }

# shellcheck disable=SC2034
login() {
  TOKEN=$(curl -sS --fail -H 'Content-Type: application/json' --max-time 60 "$API/api/auth/login" \
    --data-binary "{\"email\": \"$ADMIN_EMAIL\", \"password\": \"$ADMIN_PASSWORD\"}" |
    sed -E 's/.*"token": *"([^"]*)".*/\1/')
}

# --- VictoriaMetrics -----------------------------------------------------------------------------------------------------

start_victoria() {
  rm -rf -- "$SM_BENCH_DATA/victoria"
  VICTORIA_PORT=$(free_port)
  start_measured victoria "$SM_PEERS/usr/bin/victoria-metrics" "-storageDataPath=$SM_BENCH_DATA/victoria" \
    "-httpListenAddr=127.0.0.1:$VICTORIA_PORT" -retentionPeriod=10y -loggerLevel=WARN
  wait_for_http "http://127.0.0.1:$VICTORIA_PORT/health" 60 "$(child_pid victoria)" || stopped_early victoria
}

victoria_url() { printf 'http://127.0.0.1:%s' "$VICTORIA_PORT"; }

victoria_is_merged() {
  curl -sS --max-time 20 "$(victoria_url)/metrics" |
    awk '/^vm_active_merges/ { active += $2 } /^vm_pending_rows/ { pending += $2 } END { exit active + pending > 0 }'
}

# All parts of a month become one.
settle_victoria() {
  curl -sS --fail --max-time 60 "$(victoria_url)/internal/force_flush"
  curl -sS --fail --max-time 60 "$(victoria_url)/internal/force_merge"
  wait_until_still victoria "$SM_BENCH_DATA/victoria"
  wait_until_true 600 "$(child_pid victoria)" victoria_is_merged || stopped_early victoria
}

# Samples and the index over series; its caches are no data.
victoria_bytes() { bytes_in "$SM_BENCH_DATA"/victoria/data "$SM_BENCH_DATA"/victoria/indexdb; }

# --- InfluxDB ------------------------------------------------------------------------------------------------------------

# The stock configuration, with its folders and ports, and with the full compaction, which comes after four hours without
# writes, after ten seconds instead.
write_influx_conf() {
  cat >"$SM_BENCH_DATA/influx/influxdb.conf" <<EOF
reporting-disabled = true
bind-address = "127.0.0.1:$2"
[meta]
  dir = "$SM_BENCH_DATA/influx/meta"
[data]
  dir = "$SM_BENCH_DATA/influx/data"
  wal-dir = "$SM_BENCH_DATA/influx/wal"
  index-version = "tsi1"
  cache-snapshot-write-cold-duration = "10s"
  compact-full-write-cold-duration = "10s"
  max-series-per-database = 0
[http]
  bind-address = "127.0.0.1:$1"
  log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
EOF
}

start_influx() {
  local rpc
  rm -rf -- "$SM_BENCH_DATA/influx"
  mkdir -p "$SM_BENCH_DATA/influx"
  { read -r INFLUX_PORT; read -r rpc; } < <(free_port 2)
  write_influx_conf "$INFLUX_PORT" "$rpc"
  start_measured influx "$SM_PEERS/usr/bin/influxd" -config "$SM_BENCH_DATA/influx/influxdb.conf"
  wait_for_port "$INFLUX_PORT" 60 "$(child_pid influx)" || stopped_early influx
  curl -sS --fail --max-time 60 "$(influx_url)/query" --data-urlencode 'q=CREATE DATABASE bench' >/dev/null
}

influx_url() { printf 'http://127.0.0.1:%s' "$INFLUX_PORT"; }

settle_influx() { wait_until_still influx "$SM_BENCH_DATA/influx"; }

influx_bytes() { bytes_in "$SM_BENCH_DATA"/influx/data "$SM_BENCH_DATA"/influx/wal; }

# --- both ----------------------------------------------------------------------------------------------------------------

# wait_until_still NAME FOLDER: until the program has used no more than a tenth of a core, and its folder has had one size,
# for SM_STILL_S seconds: longer than any of them waits before it begins to compact.
SM_STILL_S=25
wait_until_still() {
  local name=$1 folder=$2 pid size ticks was='' was_ticks=0 since=$SECONDS
  pid=$(measured_pid "$name")
  while ((SECONDS - since < SM_STILL_S)); do
    sleep 1
    alive "$pid" || stopped_early "$name"
    size=$(bytes_in "$folder") ticks=$(cpu_ticks "$pid")
    if [[ $size != "$was" ]] || ((ticks - was_ticks > 10)); then since=$SECONDS; fi
    was=$size was_ticks=$ticks
  done
}

# load_peer NAME LOG WRITE_PATH LOAD_OPTION...: by line protocol.
load_peer() {
  local name=$1 log=$2 path=$3
  shift 3
  run_beside "$name" "$log" "$SM_BENCH_BIN/bench_load" --url "$("${name}_url")$path" --usage "$(usage_of "$name")" "$@"
}

load_victoria() { load_peer victoria "$1" '/write?precision=ms' "${@:2}"; }
load_influx() { load_peer influx "$1" '/write?db=bench&precision=ms' "${@:2}"; }

drop_data() { rm -rf -- "$SM_BENCH_DATA/${1:?}"; }
