#!/usr/bin/env bash
# Moving readings: what is exported is imported as the same store, beside a server that takes readings, and however often the
# import, or the server, is killed. Refused rows are told by their lines.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

devices=20 each=3000
# What is killed in the middle is longer, so that there is a middle.
each_killed=15000
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then each=30000 each_killed=60000; fi
total=$((devices * each))

# history PREFIX READINGS_A_DEVICE: a history in the words of an export, so that the hash of this file is that of the store that took it.
history() {
  python3 - "$1" "$devices" "$2" <<'PYTHON'
import datetime, sys
prefix, devices, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
start = datetime.datetime(2025, 12, 1, tzinfo=datetime.timezone.utc)
def milli(n):
    return f"{n // 1000}.{n % 1000:03d}".rstrip("0").rstrip(".")
print("device_id,timestamp,voltage,current,power_w,energy_kwh,power_factor,frequency_hz,rssi,seq,epoch")
for d in range(devices):
    for i in range(each):
        at = (start + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
        print(f"{prefix}{d},{at},{milli(229000 + i * 37 % 3000)},{milli(i * 31 % 9000)},{milli(i * 7001 % 2000000)},"
              f"{milli(1000000 + i)},{milli(i % 1001) if i % 3 else ''},{milli(49900 + i % 200) if i % 5 else ''},"
              f"{-(i % 128) if i % 2 else ''},{i if i % 7 else ''},{d if i % 7 else ''}")
PYTHON
}

hash_of() { sha256sum | cut -d' ' -f1; }
# all_of: of a whole export. On a database server meters that come in one batch get their places by name, so their order may be another.
all_of() { if on_server; then LC_ALL=C sort | hash_of; else hash_of; fi; }
count_of() { json ".$1" "$(<"$TMP/counts.json")"; }
stored_by_import() { [[ $(metric smartmeter_import_stored_total) == "$1" ]]; }

history h "$each" >"$TMP/h.csv"
wanted=$(hash_of <"$TMP/h.csv")

# --- beside a server that takes readings ---------------------------------------------------------------------------------
start_broker
start_server
login
api POST /api/devices '{"device_id": "live"}' || fail 'a meter is added' "$API_BODY"
live=2000
readings_a_second live 2026-01-10 "$live" >"$TMP/live.jsonl"
publish_lines meters/live/telemetry <"$TMP/live.jsonl" &
publisher=$!
status=0
smartmeter import "$TMP/h.csv" --add-devices --json >"$TMP/counts.json" || status=$?
is 'an import beside the server succeeds' "$status" 0
is 'all rows are stored' "$(count_of stored)" "$total"
is 'its devices are added' "$(count_of devices_added)" "$devices"
ok 'it went by the server' stored_by_import "$total"
ok 'the publisher is done' wait "$publisher"
live_stored() { [[ $(metric smartmeter_readings_accepted_total) == "$live" ]]; }
ok 'the live readings came in beside it' wait_until 'the live readings are stored' live_stored
is 'each live reading is there once' "$(smartmeter export --device live --json | wc -l)" "$live"
is 'an export is to the byte what was imported' \
  "$(smartmeter export | grep -v '^live,' | hash_of)" "$wanted"
smartmeter import "$TMP/h.csv" --json >"$TMP/counts.json"
is 'the same again changes nothing' "$(count_of stored) $(count_of duplicates)" "0 $total"
api GET /api/devices
is 'added devices are in the ledger' "$(json .devices.#)" "$((devices + 1))"

# --- round trips ---------------------------------------------------------------------------------------------------------
for format in csv jsonl; do
  smartmeter export --format "$format" --output "$TMP/e.$format" 2>/dev/null
  ok "$format: an export is imported where no server runs" in_folder "trip-$format" import "$TMP/e.$format" --add-devices
  is "$format: the store is the same" "$(in_folder "trip-$format" export | all_of)" "$(smartmeter export | all_of)"
done
gzip -k "$TMP/e.jsonl"
ok 'gzip: it is imported' in_folder trip-gz import "$TMP/e.jsonl.gz" --add-devices
is 'gzip: the store is the same' "$(in_folder trip-gz export | all_of)" "$(smartmeter export | all_of)"
in_folder trip-stdin import - --add-devices <"$TMP/e.csv" >/dev/null
is 'standard input: the store is the same' "$(in_folder trip-stdin export | all_of)" "$(smartmeter export | all_of)"
for format in csv jsonl; do
  whole=$(hash_of <"$TMP/e.$format")
  truncate -s $(($(stat -c %s "$TMP/e.$format") * 2 / 3)) "$TMP/e.$format"
  ok "$format: a broken off export goes on" smartmeter export --format "$format" --output "$TMP/e.$format" --resume
  is "$format: to the same file" "$(hash_of <"$TMP/e.$format")" "$whole"
done
from=2025-12-01T01:00:00Z to=2025-12-01T02:00:00Z
is 'a span of time' "$(smartmeter export --device h3 --from "$from" --to "$to" | tail -n +2 | wc -l)" 360

# --- killed in the middle ------------------------------------------------------------------------------------------------
history k "$each_killed" >"$TMP/k.csv"
# begin_import: in the background, as `importer`, until the server has stored some of it.
begin_import() {
  before=$(metric smartmeter_import_batches_total)
  server_command
  # exec, so that what is killed is the import itself and no shell around it
  (exec "${SM_COMMAND[@]}" import "$TMP/k.csv" --add-devices --json) >"$TMP/counts.json" 2>"$TMP/import.err" &
  importer=$!
  wait_until 'the import has begun' has_begun
}
has_begun() { (($(metric smartmeter_import_batches_total) > before + 2)); }
end_import() { status=0; wait "$importer" || status=$?; }

begin_import
kill -KILL "$importer"
end_import
is 'the import is killed in the middle' "$status" 137
begin_import
kill -INT "$importer"
end_import
is 'one that is interrupted fails' "$status" 1
like 'and says that it can go on' "$(<"$TMP/import.err")" 'stopped before line [0-9]+; the same command goes on from there'
begin_import
kill_server
end_import
is 'an import whose server is killed fails' "$status" 1
like 'it says where it stopped' "$(<"$TMP/import.err")" 'stopped before line [0-9]+: .*goes on from there'
start_server
begin_import
end_import
is 'it is imported in the end' "$status" 0
like 'it went on where it was' "$(<"$TMP/import.err")" 'going on at line [0-9]+'
is 'the place is forgotten at the end' "$(compgen -G "$DATA/imports/*.json" | wc -l)" 0
is 'every row is there once' "$(smartmeter export | grep -E '^(k|device_id)' | hash_of)" "$(hash_of <"$TMP/k.csv")"

# --- refusals ------------------------------------------------------------------------------------------------------------
cat >"$TMP/bad.csv" <<'CSV'
device_id,timestamp,voltage,current,power_w,energy_kwh
h0,2026-01-01T00:00:00Z,230,1,1,2000
h0,2026-01-01T00:00:10Z,900,1,1,2000
nobody,2026-01-01T00:00:10Z,230,1,1,2000

h0,2026-01-01T00:00:00Z,231,1,1,2000
h0,2026-01-01T00:00:20Z,230,1
CSV
status=0
smartmeter import "$TMP/bad.csv" --rejects "$TMP/rejects.jsonl" --json >"$TMP/counts.json" 2>"$TMP/import.err" || status=$?
is 'refused rows are a failure' "$status" 1
is 'the good row is stored' "$(count_of stored) $(count_of refused)" '1 4'
like 'a value out of range by its line' "$(<"$TMP/import.err")" 'line 3: out_of_range: voltage is 900'
like 'an unknown device, and what to do' "$(<"$TMP/import.err")" 'line 4: unknown_device: .*--add-devices'
like 'a conflict by its line, blank lines counted' "$(<"$TMP/import.err")" 'line 6: conflict:'
like 'a row that is too short' "$(<"$TMP/import.err")" 'line 7: malformed: the row has 4 fields'
is 'in the order of the lines' "$(grep -o '^line [0-9]*' "$TMP/import.err" | tr -d '\n')" 'line 3line 4line 6line 7'
is 'all of them in a file' "$(wc -l <"$TMP/rejects.jsonl")" 4
api GET /api/rejects
is 'and among the refused messages' "$(json .rejects.#)" 4
is 'a conflict among them, as an import'"'"'s' "$(python3 -c '
import json, sys
print(*(r["topic"] for r in json.load(sys.stdin)["rejects"] if r["reason"] == "conflict"))' <<<"$API_BODY")" import
is 'a replay once the meter is added' "$(smartmeter device add --id nobody | head -n 1)" 'added nobody'
replayed() { [[ $(smartmeter export --device nobody 2>/dev/null | wc -l) == 2 ]]; }
ok 'its reading is stored then' wait_until 'the reading is replayed' replayed
printf 'a;b\n1;2\n' >"$TMP/no.csv"
status=0
smartmeter import "$TMP/no.csv" 2>"$TMP/import.err" || status=$?
is 'a file without a header' "$status" 1
like 'says which column it lacks' "$(<"$TMP/import.err")" "no column 'device_id'"
cat >"$TMP/odd.csv" <<'CSV'
device_id,timestamp,voltage,current,power_w,energy_kwh,powerfactor
h0,2026-01-02T00:00:00Z,230,1,1,2001,0.9
"h0,2026-01-02T00:00:10Z,230,1,1,2001,
h0,2026-01-02T00:00:20Z,230,1,1,2001,0.9
CSV
smartmeter import "$TMP/odd.csv" >/dev/null 2>"$TMP/import.err" || true
like 'columns that are not known are named' "$(<"$TMP/import.err")" 'not known are left out: powerfactor'
like 'the lines that a quote spans' "$(<"$TMP/import.err")" 'line 3: malformed: a quote in lines 3 to 4 is not closed'
like 'a folder is no file' "$(smartmeter import "$TMP" 2>&1)" 'it is a directory'
like 'nor is what is not there' "$(smartmeter import "$TMP/nowhere" 2>&1)" 'nowhere: it is not there'
history z 300 | gzip >"$TMP/z.csv.gz"
truncate -s $(($(stat -c %s "$TMP/z.csv.gz") / 2)) "$TMP/z.csv.gz"
status=0
smartmeter import "$TMP/z.csv.gz" --add-devices --json >"$TMP/counts.json" 2>"$TMP/import.err" || status=$?
is 'compressed data that are cut off are a failure' "$status $(count_of complete)" '1 false'
like 'and told as such' "$(<"$TMP/import.err")" 'the file ends early: its gzip data are cut off'
is 'no row was refused' "$(count_of refused)" 0
ok 'what stood before is stored' test "$(count_of stored)" -gt 100
is 'all of it' "$(smartmeter export | grep -c '^z')" "$(count_of stored)"
for words in 'import' 'import a b' 'export x' 'export --resume' 'export --from yesterday' 'import --format x f'; do
  status=0
  # shellcheck disable=SC2086
  smartmeter $words 2>/dev/null || status=$?
  is "usage: $words" "$status" 2
done
stop_server || fail 'the server ends'
finish
