#!/usr/bin/env bash
# The first promise: the server is killed several times in the middle of 50,000 QoS 1 publishes, and finds every one stored
# once after its restart.
# alone: its kills are to come while the server is at work, not while it waits for a processor.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

meters=10 each=5000 kills=5
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then kills=20; fi

start_broker
start_server
login
for ((i = 0; i < meters; i++)); do api POST /api/devices "{\"device_id\": \"m$i\"}" || fail "m$i is added" "$API_BODY"; done
stop_server

# readings_of DEVICE: its readings, one a line, 10 s apart.
readings_of() {
  python3 - "$1" "$each" <<'PYTHON'
import datetime, sys
start = datetime.datetime(2026, 1, 10, tzinfo=datetime.timezone.utc)
for i in range(int(sys.argv[2])):
    at = (start + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f'{{"device_id": "{sys.argv[1]}", "timestamp": "{at}", "voltage": 230.4, "current": 2.73, '
          f'"power_w": 628.99, "energy_kwh": {1000 + i // 1000}.{i % 1000:03d}}}')
PYTHON
}

launch_server
publishers=()
for ((i = 0; i < meters; i++)); do
  readings_of "m$i" | publish_lines "meters/m$i/telemetry" &
  publishers+=("$!")
done

# Each life of the server is ended once it has stored a part of what is left.
stored_some() { local n; n=$(metric smartmeter_readings_accepted_total); [[ -n $n && $n -ge $1 ]]; }
total=$((meters * each))
for ((k = 0; k < kills; k++)); do
  wait_until "life $k stores some" stored_some "$((total / kills / 4))" || break
  stored=$(metric smartmeter_readings_accepted_total)
  kill_server
  note "killed after $stored readings"
  launch_server
done
for pid in "${publishers[@]}"; do wait "$pid" || fail 'every publish is acknowledged by the broker'; done
pass 'all 50,000 are published'
wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || fail 'the server is ready again'

# The last reading of every meter is there: what is before it in the broker's queue has been taken.
login
all_stored() {
  local i
  for ((i = 0; i < meters; i++)); do
    api GET "/api/devices/m$i/readings?from=2026-01-01T00:00:00Z&limit=10000" || return 1
    printf '%s' "$API_BODY" >"$TMP/m$i.json"
    [[ $(json .readings.#) -ge $each ]] || return 1
  done
}
WAIT_S=180 wait_until 'all are stored' all_stored
last_life=$(metric smartmeter_readings_accepted_total)
like 'the last kill was in the middle' "$last_life" '^[1-9]'
check='
import json, sys
each, files = int(sys.argv[1]), sys.argv[2:]
for name in files:
    readings = json.load(open(name))["readings"]
    times = [r["timestamp"] for r in readings]
    energies = [round(r["energy_kwh"] * 1000) for r in readings]
    assert len(times) == each, (name, len(times))
    assert len(set(times)) == each and times == sorted(times), name
    assert energies == list(range(1000000, 1000000 + each)), name
'
ok 'every one is stored once, with its register' python3 -c "$check" "$each" "$TMP"/m?.json
api GET /api/rejects
is 'none was refused' "$(json .rejects.#)" 0
kill_broker
finish
