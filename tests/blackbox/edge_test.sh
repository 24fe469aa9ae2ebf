#!/usr/bin/env bash
# The meter from its module to the server: edge-meter reads pzem-sim over a real line, through the real broker. The module
# fails, the broker and the server are killed, the network, the line and the meter itself are cut in the middle: first each in
# turn, then whatever chance has, at any moment. At the end the server has the readings that the module's own log tells of, each
# once, and the same register. SM_SEED=N does it again with the same chance; moments on the machine are not part of it.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
for program in edge-meter pzem-sim; do
  [[ -x $BUILD/$program ]] || { fail "there is a program $BUILD/$program"; exit 1; }
done

# Time runs faster for the meter and its module: eight minutes of it in turn, then one by chance, an hour in all with --long.
speed=10 minutes=9
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then minutes=60; fi
SEED=${SM_SEED:-$((SRANDOM % 32768))}
RANDOM=$SEED
note "SM_SEED=$SEED"
# What of it is left at the end lies in the past of the server's clock.
anchor=$(date +%s%3N)
start=$((anchor - 3 * 3600 * 1000))
time=$speed@$start@$anchor

start_module() {
  start_child module "$TMP/log/module.log" "$BUILD/pzem-sim" --link "$TMP/line" --log "$TMP/module" --control "$TMP/control" \
    --faults 8 --late-ms 200 --installed "$((start / 1000 - 90 * 86400))" --time "$time"
  wait_until 'the module is there' test -e "$TMP/line"
}
start_meter() {
  start_child meter "$TMP/log/meter.log" "$BUILD/edge-meter" --serial "$TMP/line" --flash "$TMP/flash" --time "$time" "$@"
}
link_port=$(free_port)
start_link() {
  start_child link "$TMP/log/link.log" python3 "$SM_HERE/../faults/link.py" "$link_port" "$MQTT_PORT"
  wait_for_port "$link_port" "$WAIT_S" "$(child_pid link)" || fail 'the network is there'
}
# The meter's time, ms, of each cut: what is on the line then may be lost.
note_cut() { echo $((start + ($(date +%s%3N) - anchor) * speed)) >>"$TMP/cuts"; }
kill_meter() {
  end_child meter KILL || true
  note_cut
}
simulated_s() { echo $((($(date +%s%3N) - anchor) * speed / 1000)); }
past() { (($(simulated_s) >= $1 * 60)); }
# go_on_until MINUTE: of the meter's time.
go_on_until() { WAIT_S=600 wait_until "minute $1 comes" past "$1"; }
module_answers() { (($(grep -c ' good ' "$TMP/module") >= $1)); }
stored_at_least() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000" && (($(json .readings.#) >= $1))
}

start_broker
start_link
start_server
login
api POST /api/devices '{"device_id": "edge-1"}'

start_module
start_meter --set device_id=edge-1 --set host=127.0.0.1 --set "port=$link_port" --set tls=0 --set address=1 \
  --set interval_s=10 --clock-after 40
if wait_until 'readings come to the server' stored_at_least 6; then pass 'readings come to the server'; fi

note 'the broker is killed'
kill_broker
go_on_until 2
note 'the meter is killed while it is offline, and starts with its clock not set'
kill_meter
start_meter --clock-after 30
go_on_until 3
start_broker
note 'the server is killed'
kill_server
go_on_until 4
note 'the register falls to 0'
echo reset >"$TMP/control"
start_server
login
go_on_until 5
note 'the module is unplugged for a while'
end_child module TERM || true
note_cut
sleep 1
start_module
echo 'silent 5' >"$TMP/control"
go_on_until 6
note 'broker, server and meter are killed at once'
kill_broker
kill_server
kill_meter
start_broker
start_meter
start_server
login
go_on_until 7
note 'the meter is stopped, as for the night, and started'
ok 'the meter stops' end_child meter TERM
note_cut
start_meter
go_on_until 8

# By chance: what is cut stays away for up to a minute and a half of the meter's time.
cut() {
  case $1 in
    broker) kill_broker ;;
    server) kill_server ;;
    network) end_child link KILL || true ;;
    meter) kill_meter ;;
    line) end_child module TERM || true; note_cut ;;
  esac
}
mend() {
  case $1 in
    broker) start_broker ;;
    server) start_server ;;
    network) start_link ;;
    meter) start_meter ;;
    line) rm -f -- "$TMP/line" && start_module ;;
  esac
}
things=(broker server network meter line)
pause_at_most() { sleep "$(awk -v most="$1" -v chance="$RANDOM" -v speed="$speed" 'BEGIN { print most * chance / 32768 / speed }')"; }
cuts=0
while ! past "$minutes"; do
  first=${things[RANDOM % 5]} second=${things[RANDOM % 5]}
  pause_at_most 60
  cut "$first"
  cuts=$((cuts + 1))
  if [[ $second != "$first" && $((RANDOM % 3)) == 0 ]]; then
    pause_at_most 30
    cut "$second"
    cuts=$((cuts + 1))
  else
    second=''
  fi
  pause_at_most 90
  mend "$first"
  [[ -z $second ]] || mend "$second"
done
note "$cuts cuts by chance"
login

# The module falls silent first: what it has answered is all that there is.
echo 'silent 100000' >"$TMP/control"
answered=$(grep -cE ' (good|noise) ' "$TMP/module")
note "$answered good answers, $(grep -cvE ' (good|noise) ' "$TMP/module") faults"
# The meter must have taken each answer that no other request followed at once. It may have taken the others: the first of two to
# a leap that had to be confirmed, and what was on the line when meter or module were cut.
cat >"$TMP/compare.py" <<'PYTHON'
import datetime, json, sys

module, stored, cuts = sys.argv[1:]
good = []
for line in open(module):
    ms, kind, wh, volt, ma, watt, hertz, pf = line.split()
    if kind in ("good", "noise"):
        good.append((int(ms), (int(wh), int(volt), int(ma), int(watt), int(hertz), int(pf))))
asked = sorted(int(line.split()[0]) for line in open(module))
cut = [int(line) for line in open(cuts)]
# A fifth of a second on this machine: 34 ms on the line, the time until everybody had their turn, and as much for telling.
must = [not any(at < a < at + 5000 for a in asked) and not any(at <= c < at + 2000 for c in cut) for at, _ in good]

def numbers(r):
    when = datetime.datetime.fromisoformat(r["timestamp"].replace("Z", "+00:00"))
    scaled = lambda name, scale: round(r[name] * scale)
    return (int(when.timestamp() * 1000),
            (scaled("energy_kwh", 1000), scaled("voltage", 10), scaled("current", 1000), scaled("power_w", 10),
             scaled("frequency_hz", 10), scaled("power_factor", 100)))

have = [numbers(r) for r in json.load(open(stored))["readings"]]
assert len({at for at, _ in have}) == len(have), "two readings at one time"
problems = []
matched = set()
for ts, values in have:
    # The meter says the second in which it asked.
    near = [k for k, (at, v) in enumerate(good) if k not in matched and v == values and -1100 <= at - ts <= 4000]
    if near:
        matched.add(min(near, key=lambda k: abs(good[k][0] - ts - 500)))
    else:
        problems.append(f"not the module's: {ts} {values}")
missing = [good[k] for k, needed in enumerate(must) if needed and k not in matched]
if missing:
    problems.append(f"missing: {missing}")
taken = [g for g, needed in zip(good, must) if needed]
if taken[-1][1][0] != have[-1][1][0]:
    problems.append(f"register {have[-1][1][0]}, the module's {taken[-1][1][0]}")
print(f"{len(have)} readings in the server, {len(taken)} at least of the module, register {have[-1][1][0]} Wh")
print("\n".join(problems[:5]))
sys.exit(bool(problems))
PYTHON
all_there() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000" || return 1
  printf '%s' "$API_BODY" >"$TMP/stored.json"
  python3 "$TMP/compare.py" "$TMP/module" "$TMP/stored.json" "$TMP/cuts" >"$TMP/log/compare.log" 2>&1
}
if wait_until 'the server has what the module answered, and its register' all_there; then
  pass 'the server has what the module answered, and its register'
fi
note "$(cat "$TMP/log/compare.log")"
api GET /api/rejects
is 'none was refused' "$(json .rejects.#)" 0
ok 'the meter stops again' end_child meter TERM
finish
