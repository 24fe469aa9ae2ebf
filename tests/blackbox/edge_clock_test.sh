#!/usr/bin/env bash
# A meter whose clock is wrong, at a real broker and server: it sends nothing of a wrong time, says so, and loses nothing when
# its clock is put right, or when it has followed the server's.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
for program in edge-meter pzem-sim; do
  [[ -x $BUILD/$program ]] || { fail "there is a program $BUILD/$program"; exit 1; }
done

# start_module N
start_module() {
  start_child "module-$1" "$TMP/log/module-$1.log" "$BUILD/pzem-sim" --link "$TMP/line-$1" --log "$TMP/module-$1"
  wait_until 'the module is there' test -e "$TMP/line-$1"
}
# start_meter N OPTION...
start_meter() {
  start_child "meter-$1" "$TMP/log/meter-$1.log" "$BUILD/edge-meter" --serial "$TMP/line-$1" --flash "$TMP/flash-$1" \
    --set "device_id=edge-$1" --set host=127.0.0.1 --set "port=$MQTT_PORT" --set tls=0 --set interval_s=1 "${@:2}"
}
meter_says() { grep -q "clock: $2" "$TMP/log/meter-$1.log"; }
# stored N COUNT
stored() {
  api GET "/api/devices/edge-$1/readings?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z&limit=10000" \
    && (($(json .readings.#) >= $2))
}
answers() { grep -c ' good ' "$TMP/module-$1"; }
# all_there N: the readings' registers are those of the module's answers in their order, each a second after the one before or
# later, none ahead of now.
cat >"$TMP/check.py" <<'PYTHON'
import datetime, json, sys, time

readings = json.load(open(sys.argv[1]))["readings"]
answers = [line.split() for line in open(sys.argv[2])]
answers = [(int(ms) / 1000, int(wh)) for ms, kind, wh, *_ in answers if kind == "good"]
have = [(datetime.datetime.fromisoformat(r["timestamp"].replace("Z", "+00:00")).timestamp(), round(r["energy_kwh"] * 1000))
        for r in readings]
assert all(b[0] > a[0] and b[1] >= a[1] for a, b in zip(have, have[1:])), "out of order"
assert have[-1][0] <= time.time() + 2, "of the future"
wrong = [h for h in have if not any(abs(at - h[0]) <= 3 and wh == h[1] for at, wh in answers)]
assert not wrong, f"not at its time: {wrong[:3]}"
lost = [a for a in answers if a[0] < have[-1][0] - 3 and not any(abs(a[0] - at) <= 3 for at, _ in have)]
assert not lost, f"lost: {lost[:3]}"
print(f"{len(have)} readings in the server, {len(answers)} answers of the module")
PYTHON
all_there() {
  stored "$1" 5 || return 1
  printf '%s' "$API_BODY" >"$TMP/stored.json"
  python3 "$TMP/check.py" "$TMP/stored.json" "$TMP/module-$1" >"$TMP/log/check-$1.log" 2>&1
}
refused() { api GET /api/rejects && json .rejects.#; }

start_broker
start_server
login
for n in 1 2 3; do
  api POST /api/devices "{\"device_id\": \"edge-$n\"}"
  start_module "$n"
done
# Two hours ahead; a day behind, and the server is followed soon; a day ahead, and put right by a start.
start_meter 1 --clock-off 7200 --clock-follow 4
start_meter 2 --clock-off -86400 --clock-follow 4
start_meter 3 --clock-off 86400
for n in 1 2 3; do
  if wait_until "meter $n says that its clock is apart" meter_says "$n" "apart from the server's"; then
    pass "meter $n says that its clock is apart"
  fi
done
for n in 1 2; do
  if wait_until "meter $n uses the server's time" meter_says "$n" "the server's"; then pass "meter $n uses the server's time"; fi
  if wait_until "meter $n's readings are there, each at its time" all_there "$n"; then
    pass "meter $n's readings are there, each at its time"
  fi
  note "$(cat "$TMP/log/check-$n.log")"
done
ok 'the server says it of each' test "$(grep -c '"meter.clock_apart"\|meter.clock_apart' "$TMP/log/server.log")" -ge 3
ok 'nothing of the third is there yet' test "$(stored 3 1 || json .readings.#)" = 0
kept=$(answers 3)
ok 'it has measured meanwhile' test "$kept" -ge 4
end_child meter-3 KILL || true
start_meter 3
if wait_until 'with its clock right it brings all of it' stored 3 "$kept"; then pass 'with its clock right it brings all of it'; fi
is 'none was refused' "$(refused)" 0
finish
