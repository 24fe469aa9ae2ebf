# shellcheck shell=bash
# How long questions take over HTTP with many meters stored: most have a reading an hour, those that are asked about have one
# each 10 s. Each store answers for itself, in its own words; the answers hold the same.

# The options of the two parts of the readings, and how many steps they have beside the first.
dense_options() { printf '%s\n' --first 1 --interval 10 --start "$SM_LATENCY_START_S"; }
mass_options() { printf '%s\n' --first $((SM_LATENCY_DENSE + 1)) --interval "$SM_LATENCY_INTERVAL_S" --start "$SM_LATENCY_START_S"; }
dense_steps() { printf '%s' $((SM_LATENCY_DAYS * 8640 - 1)); }
mass_steps() { printf '%s' $((SM_LATENCY_DAYS * 86400 / SM_LATENCY_INTERVAL_S - 1)); }
mass_devices() { printf '%s' $((SM_LATENCY_DEVICES - SM_LATENCY_DENSE)); }

# url_encode TEXT: for a query string; {id} is left as it is.
url_encode() {
  local text=$1 out='' c i
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in
      [A-Za-z0-9._~-]) out+=$c ;;
      *) out+=$(printf '%%%02X' "'$c") ;;
    esac
  done
  printf '%s' "${out//%7Bid%7D/{id\}}"
}

rfc3339() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

# ask STORE QUESTION COUNT LATENCY_OPTION...
ask() {
  local store=$1 question=$2 count=$3
  shift 3
  run_beside "$store" "$SM_BENCH_DIR/latency-$store-$question.txt" "$SM_BENCH_BIN/bench_latency" --count "$count" \
    --meters "$SM_LATENCY_DENSE" --want '{id}' "$@"
}

ask_server() {
  local from to readings day
  from=$(rfc3339 "$SM_LATENCY_START_S") to=$(rfc3339 "$SM_LATENCY_END_S") day=$(rfc3339 $((SM_LATENCY_END_S - 86400)))
  readings="$API/api/devices/{id}/readings"
  login
  local with=(--header "Authorization: Bearer $TOKEN")
  ask server latest "$SM_LATENCY_COUNT" "${with[@]}" --want last_reading --url "$API/api/devices?limit=100"
  ask server day "$SM_LATENCY_COUNT" "${with[@]}" --url "$readings?from=$day&to=$to&limit=10000"
  ask server month-15m "$SM_LATENCY_COUNT" "${with[@]}" --url "$readings?agg=15m&from=$from&to=$to&limit=10000"
  ask server month-raw "$SM_LATENCY_RAW_COUNT" "${with[@]}" --pages --url "$readings?from=$from&to=$to&limit=10000"
}

# The seven figures of an aggregate row of smartmeter. Each has a name of its own, or union would take them for one another.
victoria_quarters() {
  local m='{device="{id}"}[15m]' parts
  parts="alias(increase(telemetry_energy_kwh$m),\"energy_kwh\"),alias(count_over_time(telemetry_power_w$m),\"count\")"
  parts+=",alias(avg_over_time(telemetry_power_w$m),\"power_w_avg\"),alias(max_over_time(telemetry_power_w$m),\"power_w_max\")"
  parts+=",alias(min_over_time(telemetry_voltage$m),\"voltage_min\"),alias(avg_over_time(telemetry_voltage$m),\"voltage_avg\")"
  parts+=",alias(max_over_time(telemetry_voltage$m),\"voltage_max\")"
  printf 'union(%s)' "$parts"
}

# Without its cache of answers, which would have nearly all of them after one round over the meters.
ask_victoria() {
  local api from=$SM_LATENCY_START_S to=$((SM_LATENCY_END_S - 1)) series latest
  api=$(victoria_url)/api/v1
  series=$(url_encode '{device="{id}"}')
  latest=$(url_encode 'last_over_time({__name__=~"telemetry_.*",device=~"meter-0000.*|meter-000100"}['"$SM_LATENCY_INTERVAL_S"'s])')
  ask victoria latest "$SM_LATENCY_COUNT" --want meter-000001 --url "$api/query?query=$latest&time=$to"
  ask victoria day "$SM_LATENCY_COUNT" --url "$api/export?match[]=$series&start=$((SM_LATENCY_END_S - 86400))&end=$to"
  ask victoria month-15m "$SM_LATENCY_COUNT" --want voltage_max \
    --url "$api/query_range?query=$(url_encode "$(victoria_quarters)")&start=$((from + 900))&end=$SM_LATENCY_END_S&step=900&nocache=1"
  ask victoria month-raw "$SM_LATENCY_RAW_COUNT" --url "$api/export?match[]=$series&start=$from&end=$to"
}

influx_ask() {
  local question=$1 count=$2 want=$3 query=$4
  ask influx "$question" "$count" --want "$want" --url "$(influx_url)/query?db=bench&epoch=ms&q=$(url_encode "$query")"
}

ask_influx() {
  local from=${SM_LATENCY_START_S}s to=${SM_LATENCY_END_S}s day=$((SM_LATENCY_END_S - 86400))s meter="device = '{id}'" all
  all='voltage, current, power_w, energy_kwh, power_factor, frequency_hz'
  influx_ask latest "$SM_LATENCY_COUNT" meter-000001 \
    "SELECT last(*) FROM telemetry WHERE device =~ /^meter-0000..|meter-000100\$/ AND time >= $to - ${SM_LATENCY_INTERVAL_S}s GROUP BY device"
  influx_ask day "$SM_LATENCY_COUNT" values "SELECT $all FROM telemetry WHERE $meter AND time >= $day AND time < $to"
  influx_ask month-15m "$SM_LATENCY_COUNT" values "SELECT last(energy_kwh) - first(energy_kwh), mean(power_w), max(power_w), min(voltage),
    mean(voltage), max(voltage), count(power_w) FROM telemetry WHERE $meter AND time >= $from AND time < $to GROUP BY time(15m)"
  influx_ask month-raw "$SM_LATENCY_RAW_COUNT" values "SELECT $all FROM telemetry WHERE $meter AND time >= $from AND time < $to"
}

latency_of_server() {
  local log=$SM_BENCH_DIR/latency-server-load.txt
  local -a mass dense
  mapfile -t mass < <(mass_options)
  mapfile -t dense < <(dense_options)
  fresh_server
  start_fed_server
  bulk_server "$log" "$SM_LATENCY_DENSE" "$(dense_steps)" "${dense[@]}"
  bulk_server "$log" "$(mass_devices)" "$(mass_steps)" "${mass[@]}"
  settle_server
  start_fed_server
  ask_server
  end_child server
  drop_data server
}

latency_of_peer() {
  local name=$1 log=$SM_BENCH_DIR/latency-$1-load.txt
  local -a mass dense
  mapfile -t mass < <(mass_options)
  mapfile -t dense < <(dense_options)
  "start_$name"
  "load_$name" "$log" --devices "$SM_LATENCY_DENSE" --steps $(($(dense_steps) + 1)) "${dense[@]}"
  "load_$name" "$log" --devices "$(mass_devices)" --steps $(($(mass_steps) + 1)) "${mass[@]}"
  "settle_$name"
  "ask_$name"
  end_child "$name"
  drop_data "$name"
}

# latency_rows QUESTION TITLE [TARGET_OF_P99]
latency_rows() {
  local question=$1 title=$2 target quantile peer
  for quantile in p50 p99; do
    target=''
    if [[ $quantile == p99 ]]; then target=${3:-}; fi
    for peer in victoria:VictoriaMetrics influx:InfluxDB; do
      add_row "$title, $quantile (ms)" "$(latency_ms server "$question" $quantile)" "${peer#*:}" \
        "$(latency_ms "${peer%:*}" "$question" $quantile)" "$target"
      target=''
    done
  done
}

latency_ms() { calc "$(value "${3}_us" "$SM_BENCH_DIR/latency-$1-$2.txt") / 1000"; }

section_latency() {
  local peer
  say "bench: latency, $SM_LATENCY_DEVICES meters, $SM_LATENCY_DAYS days, $SM_LATENCY_DENSE of them at 10 s"
  latency_of_server
  for peer in victoria influx; do latency_of_peer "$peer"; done
  latency_rows latest 'latest of 100 meters'
  latency_rows day 'a day of one meter, raw'
  latency_rows month-15m "$SM_LATENCY_DAYS days of one meter at 15 min" '<= 5'
  latency_rows month-raw "$SM_LATENCY_DAYS days of one meter, raw"
}
