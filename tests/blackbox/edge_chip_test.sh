#!/usr/bin/env bash
# The same core on a 32-bit chip: built for a Cortex-M3 within its budget, run by qemu with its UART on the simulated module and its
# flash in a file. It is killed in the middle, and goes on. What it put down, edge-meter then finds in that file and brings to the server.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
for program in arm-none-eabi-gcc qemu-system-arm; do
  command -v "$program" >/dev/null || { fail "there is a program $program"; exit 1; }
done

if "$SM_ROOT/edge/cortex-m3/build" >"$TMP/log/build.log" 2>&1; then pass 'it is built within its budget'; else
  fail 'it is built within its budget' "$(cat "$TMP/log/build.log")"
  exit 1
fi
note "$(cat "$TMP/log/build.log")"

start_child module "$TMP/log/module.log" "$BUILD/pzem-sim" --link "$TMP/line" --log "$TMP/module" --control "$TMP/control"
wait_until 'the module is there' test -e "$TMP/line"
"$BUILD/edge-meter" --flash "$TMP/flash" --set-only --set device_id=edge-1 --set host=127.0.0.1 --set "port=$MQTT_PORT" \
  --set tls=0 --set interval_s=1 || fail 'the flash is set up'

# start_chip COUNT: until it has so many readings. What it prints goes to the file chip.
start_chip() {
  : >"$TMP/chip"
  start_child chip "$TMP/chip" qemu-system-arm -M lm3s6965evb -display none -monitor none -kernel "$SM_ROOT/build/cortex-m3/meter.elf" \
    -serial "$(readlink "$TMP/line")" \
    -semihosting-config "enable=on,target=native,arg=$TMP/flash,arg=$1"
}
has_read() { (($(grep -c '^reading ' "$TMP/chip") >= $1)); }
chip_ended() { ! alive "$(child_pid chip)"; }
# ends_well: without wait_until, which takes an end for a failure.
ends_well() {
  local deadline=$(($(now_ms) + WAIT_S * 1000))
  until chip_ended; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.05
  done
  forget_child chip
}

start_chip 1000
if wait_until 'it reads its module' has_read 5; then pass 'it reads its module'; fi
echo 'crc 1' >"$TMP/control"
if wait_until 'also after a damaged reply' has_read 7; then pass 'also after a damaged reply'; fi
end_child chip KILL || true
last=$(tail -n 1 "$TMP/chip")
start_chip 4
ok 'it goes on after it was killed' ends_well
is 'as another start' "$(sed -n 's/^boot //p' "$TMP/chip")" 2
first=$(grep -m 1 '^reading ' "$TMP/chip")
if ((${first#reading } > ${last#reading })); then pass 'with numbers that were not used'; else fail 'with numbers that were not used' "$last, $first"; fi
note "$(cat "$TMP/chip")"

stack=$(sed -n 's/^stack //p' "$TMP/chip")
budget=$(awk '$1 == "stack" { print $2 }' "$SM_ROOT/edge/cortex-m3/budget")
note "stack $stack of $budget bytes"
if ((stack > 0 && stack <= budget)); then pass 'its stack is within the budget'; else fail 'its stack is within the budget'; fi

# The module has fallen silent: what the chip put down is all.
echo 'silent 100000' >"$TMP/control"
count=$(($(sed -n 's/^waiting //p' "$TMP/chip" | tr -d '\r')))
start_broker
start_server
login
api POST /api/devices '{"device_id": "edge-1"}'
start_child meter "$TMP/log/meter.log" "$BUILD/edge-meter" --serial "$TMP/line" --flash "$TMP/flash"
all_stored() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000" && (($(json .readings.#) == count))
}
if wait_until 'the server gets all of them' all_stored; then pass 'the server gets all of them'; fi
printf '%s' "$API_BODY" >"$TMP/stored.json"
compare='
import json, sys
said = {tuple(map(int, line.split()[2:6])) for line in open(sys.argv[1]) if line.split()[1] == "good"}
readings = json.load(open(sys.argv[2]))["readings"]
have = [(round(r["energy_kwh"] * 1000), round(r["voltage"] * 10), round(r["current"] * 1000), round(r["power_w"] * 10)) for r in readings]
assert len(have) >= 11 and all(h in said for h in have), (have, said)
assert len({r["timestamp"] for r in readings}) == len(readings)
'
ok 'each as the module said' python3 -c "$compare" "$TMP/module" "$TMP/stored.json"
finish
