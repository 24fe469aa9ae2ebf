#!/usr/bin/env bash
# Bits turn in what is stored, pages and the end of the WAL are torn (tests/faults/damage.py): the server starts, tells what it
# found, and serves the rest as it was; what it serves is never wrong.
PLAIN_METERS=3 SEQ_METERS=2
FAULT_BUILD=asan
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
needs_files 'it damages files'

db=$DATA/readings.db
good=$TMP/good
damage() { python3 "$SM_FAULTS/damage.py" "$@"; }

# keep_good, put_good: the store as it was before the damage.
keep_good() { mkdir -p "$good" && rm -f -- "$good"/* && cp -- "$db"* "$good/"; }
put_good() { rm -f -- "$db"* && cp -- "$good"/* "$DATA/"; }

# read_buckets: all of them, so that whatever is damaged is found; the devices for which one is refused are in BUCKETS_FAILED.
read_buckets() {
  local device agg
  BUCKETS_FAILED=''
  for device in $(meter_names); do
    for agg in 15m 1d 1M; do
      api GET "/api/devices/$device/readings?agg=$agg&from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z" ||
        BUCKETS_FAILED+=" $device $agg: $API_STATUS"
    done
  done
}
meter_names() {
  local i
  for ((i = 0; i < PLAIN_METERS; i++)); do printf 'plain-%d\n' "$i"; done
  for ((i = 0; i < SEQ_METERS; i++)); do printf 'seq-%d\n' "$i"; done
}

# rest_is_served NAME AT_MOST: the server starts on what is there; at most so many meters miss anything, and nothing is wrong.
rest_is_served() {
  local name=$1 at_most=$2
  : >"$TMP/log/server.log"
  launch_again
  wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || { fail "it starts: $name"; return 1; }
  login || return 1
  read_buckets
  ok "the rest is served, and right: $name" compare_all --damaged "$at_most"
  ok "it is in the log: $name" grep -qE '"level":"(error|warn)".*(damage|corrupt|checksum|malformed)' "$TMP/log/server.log"
}

# no_query_fails NAME: with a row that fails its checksum, queries go around it. And it is counted.
no_query_fails() {
  is "no query fails: $1" "$(json .unreadable "$FOUND")$BUCKETS_FAILED" '[]'
  like "it is counted: $1" "$(metric smartmeter_store_damaged_total)" '^[1-9]'
}

# damaged_row TABLE AT_MOST
damaged_row() {
  put_good
  note "$(damage flip "$db" "$1" --seed "$SEED-$k")"
  rest_is_served "a damaged row of $1" "$2" && no_query_fails "a damaged row of $1"
  kill_server
}

start_world
start_meters --twice 0 --rate 4000 --start 2026-01-05T00:00:00Z
meters_go_on 3000
stop_meters
all_is_there 'before any damage'
meters=$((PLAIN_METERS + SEQ_METERS))

# Rows that hold one batch of all meters: there as long as the server has not sealed them.
kill_server
keep_good
journal=$(damage tables "$db" | awk '$1 == "journal" { print $2 }')
ok 'the journal holds readings' test "${journal:-0}" -gt 0
for ((k = 0; k < $(long 2 30); k++)); do damaged_row journal "$meters"; done
put_good
launch_again
wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || fail 'it starts on what was good'
stop_server

# Rows of one meter each.
keep_good
sealed=$(damage tables "$db" | awk '$1 != "journal" && $2 > 0 { print $1 }')
note "sealed into: $sealed"
ok 'readings are sealed' test -n "$sealed"
for table in $sealed; do
  for ((k = 0; k < $(long 2 30); k++)); do damaged_row "$table" 1; done
done

# A page whose end was torn off: rows of several meters may be on it.
for ((k = 0; k < $(long 2 30); k++)); do
  put_good
  note "$(damage page "$db" --seed "$SEED-$k")"
  rest_is_served 'a torn page' "$((meters - 1))"
  kill_server
done

# The end of the WAL, torn in its last transaction: that one may be gone, and nothing that was there before it.
put_good
start_again
stored_more() { local n; n=$(metric smartmeter_readings_accepted_total); ((${n:-0} > $1)); }
api POST /api/devices '{"device_id": "tail"}'
torn=0
for ((k = 0; k < $(long 4 40); k++)); do
  minute=2026-03-01T$((10 + k / 10)):$((10 + k % 10))
  for ((i = 0; i < 3; i++)); do
    stored=$(metric smartmeter_readings_accepted_total)
    publish meters/tail/telemetry "$(reading tail "$minute:0${i}Z" 1)"
    wait_until 'it is stored' stored_more "${stored:-0}"
  done
  kill_server
  if what=$(damage tail "$db" --seed "$SEED-$k"); then torn=$((torn + 1)); fi
  note "$what"
  start_again
  login
  api GET "/api/devices/tail/readings?from=$minute:00Z&to=2026-04-01T00:00:00Z"
  # The last transaction may be a checkpoint's or a seal's: then all three are there.
  like "all but the torn transaction is there ($k)" "$(json .readings.#)" '^[23]$'
done
ok 'transactions were torn' test "$torn" -gt 0
ok 'what was stored before is there' compare_all
finish
