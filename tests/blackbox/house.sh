# shellcheck shell=bash
# For the tests of `smartmeter migrate`: a house that has something of everything, meters that send while it moves, and a move that
# is killed. Sourced behind lib.sh, by tests that say themselves where the data is: STORE is SMARTMETER_STORE, empty for files.
STORE=''
eval "$(declare -f server_command | sed '1s/server_command/command_in_files/')"
server_command() { command_in_files ${STORE:+"SMARTMETER_STORE=$STORE"} "$@"; }

# fails COMMAND...: its exit status is 1; what it complains of is in COMPLAINT.
# shellcheck disable=SC2034 # COMPLAINT is for who sources this
fails() {
  local status=0
  COMPLAINT=$("$@" 2>&1 >/dev/null) || status=$?
  [[ $status == 1 ]]
}
quietly() { "$@" >"$TMP/log/quiet.log" 2>&1; }

# sqlite FILE SQL: its rows, columns with | between them.
sqlite() {
  python3 - "$1" "$2" <<'PYTHON'
import hashlib, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
db.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest())
for row in db.execute(sys.argv[2]):
    print("|".join("" if value is None else str(value) for value in row))
PYTHON
}

# build_house [STEP]: four flats, three months of readings (one meter is reset, twice), people, a tariff, bills, a payment, edits, refused
# messages. Broker and server run then. STEP: only every so many half hours a reading.
build_house() {
  printf '%s\n' SMARTMETER_BILLING_JOB=0 SMARTMETER_DUE_DAYS=0 >"$TMP/.env"
  start_broker
  printf 'plain horse battery staple' | smartmeter user add --email asha@example.org --name 'Asha Rao' --role consumer --password-stdin \
    >"$TMP/log/user.log" 2>&1
  cat >"$TMP/accounts.csv" <<'CSV'
account,person,place,email,from,device,tariff
101,Ravi \\ Iyer,Flat 101,,2025-11-01,f101,Early
102,Meena,Flat 102,,2025-11-01,f102,Early
103,ओम,Flat 103,,2025-11-01,f103,Early
104,Asha Rao,Flat 104,asha@example.org,2025-11-01,f104,Early
CSV
  printf '%s' '{"name": "Early", "effective_from": "2025-11-01", "slabs": [{"up_to_kwh": null, "rate": "5.00"}], "fixed_charge": "10.00",
  "taxes": []}' >"$TMP/tariff.json"
  # November to January, every half an hour; f102 is reset in November and in December, which is not plain.
  python3 - "${1:-1}" >"$TMP/readings.csv" <<'PYTHON'
import datetime, sys
step = int(sys.argv[1])
zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
print("device_id,timestamp,voltage,current,power_w,energy_kwh,power_factor,frequency_hz,rssi")
for device in ("f101", "f102", "f103", "f104"):
    for half in range(int(step > 1), 92 * 48 + 4, step):
        at = datetime.datetime(2025, 11, 1, tzinfo=zone) + datetime.timedelta(minutes=30 * half - 30)
        kwh = half * 0.25 + (1000 if device != "f102" or half < 700 else 0 if half < 2000 else -400)
        rest = "0.9,50,-60" if half % 3 else ",,"
        print(f"{device},{at.isoformat()},{230 + half % 7},1,{230 + half % 11},{kwh:.3f},{rest}")
PYTHON
  smartmeter import --add-devices "$TMP/readings.csv" >"$TMP/log/import.log" 2>&1
  smartmeter tariff set "$TMP/tariff.json" >"$TMP/log/tariff.log"
  smartmeter account import "$TMP/accounts.csv" >"$TMP/log/accounts.log"
  start_server SMARTMETER_AUTO_REGISTER=1
  login
  publish meters/f104/telemetry "$(reading f104 2026-02-02T00:00:00Z 1900 ', "seq": 5, "epoch": 7')"
  publish meters/f104/telemetry "$(reading f104 2026-02-02T00:10:00Z 1900 ', "seq": 8, "epoch": 7')"
  publish meters/f104/telemetry "$(reading f104 2026-02-02T00:00:00Z 1950)" # a conflict
  publish meters/stranger/telemetry '{"device_id": "stranger", not json'
  wait_until 'refused messages are there' api_has GET '/api/rejects?from=2026-01-01T00:00:00Z' stranger
  smartmeter reading add --device f103 --at 2026-01-05T10:10:00+05:30 --kwh 1438 --why 'read by hand' >/dev/null
  smartmeter reading void --device f104 --at 2026-01-11T10:00:00+05:30 --why 'wild' >/dev/null
  smartmeter bill --month 2026-01 --summary >"$TMP/log/bill.log" 2>&1
  smartmeter payment add --account 101 --amount 100.00 --reference 'UTR 1' >/dev/null
}

# drop_november: of its raw readings nothing stays. A folder is opened with a retention once; the server is stopped.
drop_november() {
  server_command SMARTMETER_RAW_RETENTION_DAYS=62
  printf 'device_id,timestamp,voltage,current,power_w,energy_kwh\nf101,2026-02-02T01:00:00Z,230,1,230,1800\n' >"$TMP/one.csv"
  "${SM_COMMAND[@]}" import "$TMP/one.csv" >"$TMP/log/retention.log" 2>&1
}

# --- meters that send ----------------------------------------------------------------------------------------------------
# Each sends one reading after the other until there is a file `enough`, and then says how many.
send() {
  python3 - "$1" "$TMP" "${SEND_EVERY_S:-0.05}" <<'PYTHON' | publish_lines "meters/$1/telemetry"
import datetime, os, sys, time
name, folder, every_s = sys.argv[1:]
start, i = datetime.datetime(2026, 2, 3, tzinfo=datetime.timezone.utc), 0
while not os.path.exists(f"{folder}/enough"):
    at = (start + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f'{{"device_id": "{name}", "timestamp": "{at}", "voltage": 230.4, "current": 2.73, "power_w": 628.99, '
          f'"energy_kwh": {1000 + i // 1000}.{i % 1000:03d}, "seq": {i}, "epoch": 1}}', flush=True)
    i += 1
    time.sleep(float(every_s))
open(f"{folder}/sent.{name}", "w").write(str(i))
PYTHON
}
meters=() senders=()
send_from() {
  local device
  meters=("$@") senders=()
  for device in "$@"; do
    send "$device" &
    senders+=("$!")
  done
}
stop_sending() {
  local pid
  : >"$TMP/enough"
  for pid in "${senders[@]}"; do wait "$pid" || fail 'every publish is acknowledged by the broker'; done
}
all_stored() {
  local device
  for device in "${meters[@]}"; do
    [[ $(smartmeter export --device "$device" | grep -c "^$device,") == "$(<"$TMP/sent.$device")" ]] || return 1
  done
}

# --- killing -------------------------------------------------------------------------------------------------------------
# killed_at_random TIMES FROM TO [OPTION...]: begins to move, and is killed at some moment of the time that it takes (`took`, ms).
took=2000
killed_at_random() {
  local i after migrating unfinished=0
  server_command
  for ((i = 0; i < $1; i++)); do
    "${SM_COMMAND[@]}" migrate --from "$2" --to "$3" "${@:4}" >>"$TMP/log/killed.log" 2>&1 &
    migrating=$!
    after=$((RANDOM * took / 32768))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    if kill -KILL "$migrating" 2>/dev/null; then unfinished=$((unfinished + 1)); fi
    wait "$migrating" 2>/dev/null || true
  done
  note "killed $unfinished of $1 times"
}
