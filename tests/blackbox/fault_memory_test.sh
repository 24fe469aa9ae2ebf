#!/usr/bin/env bash
# Memory is bounded: clients that do not read, floods of what is refused, and many devices: 100,000 within 200 MiB (with --long;
# 20,000 within 72 otherwise). The server runs under a hard limit of its data (RLIMIT_DATA).
# alone: it measures memory, part of which is the file system in memory.
PLAIN_METERS=4 SEQ_METERS=0
# In memory, if it can be: 100,000 devices are 100,000 synced transactions of the ledger otherwise.
if [[ -d /dev/shm && -w /dev/shm ]]; then export TMPDIR=/dev/shm; fi
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"

limit_mib=384 peak_mib=150
devices=$(long 20000 100000)
devices_mib=$((40 + devices / 625))

# limited: the server that runs gets no more memory than that.
limited() { prlimit --pid "$(server_pid)" --data="$((limit_mib << 20))"; }
memory_kib() { awk -v what="$1:" '$1 == what { print $2 }' "/proc/$(server_pid)/status"; }
flood() { python3 "$SM_FAULTS/flood.py" "$MQTT_PORT" "$@"; }
metric_is() { local n; n=$(metric "$1"); [[ -n $n && $n -ge $2 ]]; }
# stays_small WHAT: the most that it has ever had.
stays_small() {
  local peak
  peak=$(memory_kib VmHWM)
  note "$1: at most $((peak / 1024)) MiB, now $(($(memory_kib VmRSS) / 1024)) MiB"
  ok "$1: at most $peak_mib MiB" test "$peak" -le "$((peak_mib * 1024))"
}
# stall KIND COUNT [PATH]: clients of stalled.py, in the background, when all have asked.
stall() {
  : >"$TMP/log/$1.log"
  start_child "$1" "$TMP/log/$1.log" env "SM_TOKEN=$TOKEN" python3 "$SM_FAULTS/stalled.py" "$1" "$HTTP_PORT" "${@:2}"
  wait_until "the stalled clients ($1) have asked" grep -q waiting "$TMP/log/$1.log"
}

start_world
limited
note "at the start: $(($(memory_kib VmRSS) / 1024)) MiB"

# 16 clients of the live view that do not read, while 100,000 readings come in: some 25 MB for each of them.
stall live 16
messages=1000
flood readings "$messages"
wait_until 'all readings are stored' metric_is smartmeter_readings_accepted_total "$((messages * 100))"
ok 'frames of clients that do not read are dropped' metric_is smartmeter_live_frames_dropped_total 1
end_child live TERM || true
stays_small 'clients of the live view that do not read'

# The largest answers, to clients that do not read them.
stall query 64 '/api/devices/plain-1/readings?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z&limit=10000'
ok 'others are answered meanwhile' api_is GET /healthz 200
end_child query TERM || true
wait_until 'queries go on' api_is GET '/api/devices/plain-1/readings?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z&limit=10' 200
pass 'queries go on'
stays_small 'huge answers to clients that do not read'

# What is refused: 30,000 messages of 6 KB, and 50,000 devices that nobody knows.
garbage=$(long 20000 200000) unknown=$(long 30000 300000)
flood garbage "$garbage"
wait_until 'the garbage is refused' metric_is 'smartmeter_readings_rejected_total{reason="malformed"}' "$garbage"
stays_small "$garbage messages of garbage"
flood unknown "$unknown"
wait_until 'the unknown are refused' metric_is 'smartmeter_readings_rejected_total{reason="unknown_device"}' "$unknown"
stays_small "$unknown devices that nobody knows"
kill_server

# All those devices, each with eight readings, become devices at their first one.
start_again SMARTMETER_AUTO_REGISTER=1
limited
since=$(now_ms)
flood devices "$devices"
# Each is a transaction of its own, so that it takes as long as it takes; but it goes on.
for ((n = 200; n <= devices; n += 200)); do
  wait_until "$n devices are registered" metric_is smartmeter_devices_registered_total "$n" || finish
done
WAIT_S=60 wait_until 'their readings are stored' metric_is smartmeter_readings_accepted_total "$((devices * 8))"
note "$devices devices registered and 8 readings of each stored in $(seconds_since "$since")"
rss=$(memory_kib VmRSS)
note "resident: $((rss / 1024)) MiB, at most $(($(memory_kib VmHWM) / 1024)) MiB"
ok "$devices devices within $devices_mib MiB" test "$rss" -le "$((devices_mib * 1024))"
stop_server
start_again
api GET "/api/devices/dev-$((devices - 1))/readings?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z" || login
api GET "/api/devices/dev-$((devices - 1))/readings?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z"
is 'the last of them is there, after a restart' "$(json .readings.#)" 8
rss=$(memory_kib VmRSS)
note "resident after a restart: $((rss / 1024)) MiB"
ok "$devices devices within $devices_mib MiB, after a restart" test "$rss" -le "$((devices_mib * 1024))"
finish
