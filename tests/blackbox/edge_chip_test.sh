#!/usr/bin/env bash
# The same core on two 32-bit chips: built for a Cortex-M3 and for a RISC-V, each within its budget, run by qemu with its UART on a
# simulated module and its flash in a file. Each is killed in the middle, and goes on. What it put down, edge-meter then finds in that
# file and brings to the server. Both run beside each other, since a reading takes a second.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
CHIPS=(cortex-m3 riscv)
for program in arm-none-eabi-gcc qemu-system-arm riscv64-unknown-elf-gcc qemu-system-riscv32; do
  command -v "$program" >/dev/null || { fail "there is a program $program"; exit 1; }
done

for chip in "${CHIPS[@]}"; do
  if "$SM_ROOT/edge/emulated/build" "$chip" >"$TMP/log/build.log" 2>&1; then pass "$chip: it is built within its budget"; else
    fail "$chip: it is built within its budget" "$(cat "$TMP/log/build.log")"
    exit 1
  fi
  note "$(cat "$TMP/log/build.log")"
done

# give_module CHIP: a module of its own, and a flash that knows whose it is. All of it is in $TMP/CHIP.
give_module() {
  mkdir "$TMP/$1"
  start_child "module-$1" "$TMP/log/module-$1.log" "$BUILD/pzem-sim" --link "$TMP/$1/line" --log "$TMP/$1/module" \
    --control "$TMP/$1/control"
  wait_until "$1: the module is there" test -e "$TMP/$1/line"
  "$BUILD/edge-meter" --flash "$TMP/$1/flash" --set-only --set "device_id=edge-$1" --set host=127.0.0.1 --set "port=$MQTT_PORT" \
    --set tls=0 --set interval_s=1 || fail "$1: the flash is set up"
}
# start_chip CHIP COUNT: until it has so many readings. What it prints goes to the file said.
start_chip() {
  local emulator
  case $1 in
    cortex-m3) emulator=(qemu-system-arm -M lm3s6965evb) ;;
    riscv) emulator=(qemu-system-riscv32 -M virt -m 32M -bios none) ;;
  esac
  : >"$TMP/$1/said"
  start_child "$1" "$TMP/$1/said" "${emulator[@]}" -display none -monitor none -kernel "$SM_ROOT/build/$1/meter.elf" \
    -serial "$(readlink "$TMP/$1/line")" -semihosting-config "enable=on,target=native,arg=$TMP/$1/flash,arg=$2"
}
has_read() { (($(grep -c '^reading ' "$TMP/$1/said") >= $2)); }
# ends_well CHIP: without wait_until, which takes an end for a failure.
ends_well() {
  local deadline=$(($(now_ms) + WAIT_S * 1000))
  until ! alive "$(child_pid "$1")"; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.05
  done
  forget_child "$1"
}
# judge WHAT COMMAND...: the command is waited for.
judge() { if wait_until "$@"; then pass "$1"; fi; }

declare -A last count
for chip in "${CHIPS[@]}"; do
  give_module "$chip"
  start_chip "$chip" 1000
done
for chip in "${CHIPS[@]}"; do
  judge "$chip: it reads its module" has_read "$chip" 5
  echo 'crc 1' >"$TMP/$chip/control"
done
for chip in "${CHIPS[@]}"; do
  judge "$chip: also after a damaged reply" has_read "$chip" 7
  end_child "$chip" KILL || true
  last[$chip]=$(tail -n 1 "$TMP/$chip/said")
done
# From here on they end by themselves, which wait_until would take for a failure.
for chip in "${CHIPS[@]}"; do start_chip "$chip" 4; done
for chip in "${CHIPS[@]}"; do
  ok "$chip: it goes on after it was killed" ends_well "$chip"
  said=$TMP/$chip/said
  is "$chip: as another start" "$(sed -n 's/^boot //p' "$said")" 2
  first=$(grep -m 1 '^reading ' "$said")
  after="$chip: with numbers that were not used"
  if ((${first#reading } > ${last[$chip]#reading })); then pass "$after"; else fail "$after" "${last[$chip]}, $first"; fi
  note "$(cat "$said")"

  stack=$(sed -n 's/^stack //p' "$said")
  budget=$(awk '$1 == "stack" { print $2 }' "$SM_ROOT/edge/emulated/$chip/budget")
  note "$chip: stack $stack of $budget bytes"
  within="$chip: its stack is within the budget"
  if ((stack > 0 && stack <= budget)); then pass "$within"; else fail "$within"; fi
  # The module falls silent: what the chip put down is all so far.
  echo 'silent 100000' >"$TMP/$chip/control"
  count[$chip]=$(($(sed -n 's/^waiting //p' "$said" | tr -d '\r')))
done

start_broker
start_server
login
# all_stored CHIP COUNT
all_stored() {
  api GET "/api/devices/edge-$1/readings?from=2020-01-01T00:00:00Z&limit=10000" && (($(json .readings.#) >= $2))
}
compare='
import json, sys
said = {tuple(map(int, line.split()[2:6])) for line in open(sys.argv[1]) if line.split()[1] == "good"}
readings = json.load(open(sys.argv[2]))["readings"]
have = [(round(r["energy_kwh"] * 1000), round(r["voltage"] * 10), round(r["current"] * 1000), round(r["power_w"] * 10)) for r in readings]
assert len(have) >= 11 and all(h in said for h in have), (have, said)
assert len({r["timestamp"] for r in readings}) == len(readings)
'
for chip in "${CHIPS[@]}"; do
  api POST /api/devices "{\"device_id\": \"edge-$chip\"}"
  # Nobody held the chip's clock against the server's: its readings get their times from the first one that has one that stands.
  echo 'silent 0' >"$TMP/$chip/control"
  start_child "meter-$chip" "$TMP/log/meter-$chip.log" "$BUILD/edge-meter" --serial "$TMP/$chip/line" --flash "$TMP/$chip/flash"
done
for chip in "${CHIPS[@]}"; do
  judge "$chip: the server gets all of them" all_stored "$chip" "${count[$chip]}"
  printf '%s' "$API_BODY" >"$TMP/stored.json"
  ok "$chip: each as the module said" python3 -c "$compare" "$TMP/$chip/module" "$TMP/stored.json"
done
finish
