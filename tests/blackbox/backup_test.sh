#!/usr/bin/env bash
# A backup that is made while readings come in is whole: restored elsewhere, everything is there by content. What was tampered
# with is refused, and the doctor names what was damaged.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

needs_files 'the server makes its own backups (postgres_test.sh)'

hash_of() { sha256sum | cut -d' ' -f1; }
manifest() { json ".$2" "$(<"$TMP/$1/manifest.json")"; }
# fails COMMAND...: its exit status is 1; what it complains of is in COMPLAINT.
fails() {
  local status=0
  COMPLAINT=$("$@" 2>&1 >/dev/null) || status=$?
  [[ $status == 1 ]]
}

# --- where there is no data ----------------------------------------------------------------------------------------------
for words in export 'backup b' 'device list' 'user list' 'tariff list' 'reading list --device x' 'audit verify' 'bill --month 2026-01' doctor; do
  # shellcheck disable=SC2086
  ok "nothing to read from, and nothing is made: $words" fails in_folder nothing $words
  like 'and it says so' "$COMPLAINT" "there is no data in $TMP/nothing"
done
ok 'for a file that is not there nothing is made' fails in_folder nothing import "$TMP/no.csv" --add-devices
ok 'all that left nothing behind' test ! -e "$TMP/nothing"
ok 'a meter makes a deployment' in_folder above/site device add --id m1
ok 'the folder above it has none' fails in_folder above backup "$TMP/b"
like 'and where there is one is told' "$COMPLAINT" "keeps its in $TMP/above/site"
ok 'a key that is gone' rm -- "$TMP/above/site/keys/pii.json"
ok 'is not made anew to read names' fails in_folder above/site user list
like 'and says so' "$COMPLAINT" 'pii.json is gone'
ok 'readings are read without it' in_folder above/site audit verify

# --- a folder of another user's ------------------------------------------------------------------------------------------
# as_another ARGUMENT...: the program on a copy of that folder whose files nobody may open. Root is asked for permissions like others
# when it has put down what lets it pass.
as_another() {
  local like_others=()
  (($(id -u) != 0)) || like_others=(setpriv '--bounding-set=-dac_override,-dac_read_search')
  server_command "SMARTMETER_DATA_DIR=$TMP/above/site"
  "${like_others[@]}" "${SM_COMMAND[@]}" "$@"
}
chmod 000 "$TMP/above/site/ledger.db"
for words in export 'backup b' 'tariff list' serve doctor; do
  # shellcheck disable=SC2086
  ok "files of another user: $words" fails as_another $words
  like 'and it says what to do' "$COMPLAINT" 'permission denied: run it as the user who owns the folder'
done
chmod 000 "$TMP/above/site"
for words in export 'backup b' 'user list' serve doctor; do
  # shellcheck disable=SC2086
  ok "a folder of another user: $words" fails as_another $words
  like 'and it says what to do' "$COMPLAINT" 'permission denied: run it as the user who owns the folder'
done
chmod 700 "$TMP/above/site"

start_broker
start_server
login
api POST /api/devices '{"device_id": "m1", "owner": "tenant@example.org", "name": "Flat 1"}' || fail 'm1 is added' "$API_BODY"
api POST /api/devices '{"device_id": "m2"}' || fail 'm2 is added' "$API_BODY"
python3 >"$TMP/m1.csv" <<'PYTHON'
import datetime
start = datetime.datetime(2025, 12, 31, 12, tzinfo=datetime.timezone.utc)
print("device_id,timestamp,voltage,current,power_w,energy_kwh")
for i in range(34 * 96):
    at = (start + datetime.timedelta(minutes=15 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"m1,{at},230,2,460,{1000 + i * 0.115:.3f}")
PYTHON
smartmeter import "$TMP/m1.csv" >/dev/null || fail 'a history is imported'
like 'a month is invoiced' "$(smartmeter bill --month 2026-01)" ': 1 issued'

# --- while readings come in ----------------------------------------------------------------------------------------------
live=3000
readings_a_second m2 2026-03-10 "$live" >"$TMP/live.jsonl"
publish_lines meters/m2/telemetry <"$TMP/live.jsonl" &
publisher=$!
some_stored() { (($(metric smartmeter_readings_accepted_total) > 0)); }
wait_until 'readings come in' some_stored
ok 'a backup succeeds meanwhile' smartmeter backup "$TMP/backup"
ok 'the publisher is done' wait "$publisher"
all_stored() { [[ $(metric smartmeter_readings_accepted_total) == "$live" ]]; }
ok 'all readings are stored' wait_until 'the rest comes in' all_stored
ok 'it verifies' smartmeter backup --verify "$TMP/backup"
is 'it has the invoice' "$(manifest backup content.invoices)" 1
is 'nothing is wrong in it' "$(manifest backup content.findings)" 0
ok 'it has no keys' test ! -e "$TMP/backup/keys"
ok 'nor that of the authority' test "$(find "$TMP/backup" -name 'ca.key*' | wc -l)" = 0
ok 'but its certificate' test -s "$TMP/backup/broker/ca.crt"
ok 'keys are exported on their own' smartmeter keys export "$TMP/keys.box" <<<'a long enough passphrase'
keys_to() { in_folder "$1" keys import "$TMP/keys.box" >/dev/null <<<'a long enough passphrase'; }
is 'nobody else may read it' "$(find "$TMP/backup" -perm /077 | wc -l)" 0
ok 'the name is taken now' fails smartmeter backup "$TMP/backup"
ok 'a backup that is not there' fails smartmeter backup --verify "$TMP/nowhere"
like 'is said not to be there' "$COMPLAINT" 'nowhere is not there'
ok 'folders above it are not made' fails smartmeter backup "$TMP/unmounted/disk/backup"
like 'and it says so' "$COMPLAINT" 'is to be in is not there: mount its disk'
ok 'nothing is there' test ! -e "$TMP/unmounted"

# --- restored elsewhere --------------------------------------------------------------------------------------------------
ok 'it is restored to an empty folder' in_folder other restore "$TMP/backup"
is 'the readings by content' "$(in_folder other export | hash_of)" "$(manifest backup content.readings_sha256)"
is 'the history is all there' "$(in_folder other export --device m1 | hash_of)" "$(smartmeter export --device m1 | hash_of)"
in_folder other export --device m2 | tail -n +2 >"$TMP/m2.before"
smartmeter export --device m2 | tail -n +2 >"$TMP/m2.all"
head -n "$(wc -l <"$TMP/m2.before")" "$TMP/m2.all" >"$TMP/m2.now"
ok 'the live readings up to the moment of the backup' cmp "$TMP/m2.before" "$TMP/m2.now"
ok 'the keys are brought' keys_to other
like 'the invoice is there and is not issued twice' "$(in_folder other bill --month 2026-01)" ': 0 issued, 1 already'
like 'names can be read' "$(in_folder other user list)" tenant@example.org
like 'the audit log is whole, to the same head' "$(in_folder other audit verify)" "head $(manifest backup content.audit_head)"
ok 'the doctor finds nothing' in_folder other doctor
ok 'a folder with data is left alone' fails in_folder other restore "$TMP/backup"
like 'and says so' "$COMPLAINT" 'holds data'
ok 'where a server runs nothing is restored' fails smartmeter restore --force "$TMP/backup"
like 'and says so too' "$COMPLAINT" 'a server runs'
ok 'with --force it is' in_folder other restore --force "$TMP/backup"
is 'what was there is set aside' "$(compgen -G "$TMP/other/replaced-*/ledger.db" | wc -l)" 1
# What a restore that was killed while it moved things leaves.
mv -- "$TMP/other/ledger.db" "$TMP/ledger.away"
touch "$TMP/other/restore.unfinished"
ok 'where a restore was broken off nothing begins anew' fails in_folder other user list
like 'and says so' "$COMPLAINT" 'a restore .* was broken off'
is 'no new ledger is made' "$(test -e "$TMP/other/ledger.db" && echo made)" ''
second_passed() { [[ ! -e $TMP/other/replaced-$(date -u +%Y-%m-%dT%H:%M:%SZ) ]]; }
wait_until 'the name for what is set aside is free' second_passed
ok 'the same restore again ends it' in_folder other restore --force "$TMP/backup"
ok 'and all commands work again' in_folder other user list
is 'the readings again' "$(in_folder other export | hash_of)" "$(manifest backup content.readings_sha256)"

# --- not a backup --------------------------------------------------------------------------------------------------------
server_command
(exec "${SM_COMMAND[@]}" backup "$TMP/killed") >/dev/null 2>&1 &
backup=$!
begun() { [[ -d $TMP/killed.partial || -d $TMP/killed ]]; }
wait_until 'a backup begins' begun
kill -KILL "$backup" 2>/dev/null || true
wait "$backup" || true
if [[ -d $TMP/killed ]]; then
  ok 'a backup that has its name is whole' smartmeter backup --verify "$TMP/killed"
else
  # The manifest is written last: killed between it and the name, all was there already.
  if [[ -e $TMP/killed.partial/manifest.json ]]; then
    ok 'one that only lacks its name is whole' smartmeter backup --verify "$TMP/killed.partial"
    rm -- "$TMP/killed.partial/manifest.json"
  fi
  ok 'a backup that was killed is none' fails in_folder none restore "$TMP/killed.partial"
  like 'and says so' "$COMPLAINT" 'not a backup'
  ok 'the next one takes its place' smartmeter backup "$TMP/killed"
fi
flip() { # FILE OFFSET
  python3 - "$1" "$2" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 1]))
PYTHON
}
for file in readings.db ledger.db broker/ca.crt audit.head; do
  cp -a "$TMP/backup" "$TMP/tampered"
  flip "$TMP/tampered/$file" 40
  ok "$file: one bit is enough to be refused" fails in_folder none restore "$TMP/tampered"
  like "$file: it is named" "$COMPLAINT" "$file is not what was backed up"
  rm -rf -- "$TMP/tampered"
done
ok 'nothing was put in its place' test ! -e "$TMP/none/ledger.db"

# --- the doctor ----------------------------------------------------------------------------------------------------------
# damage SQL: runs it on the restored copy, where flip() changes a bit of a blob.
damage() {
  python3 - "$TMP/other/$1" "$2" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.create_function("flip", 1, lambda body: body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 4]) + body[len(body) // 2 + 1:])
db.execute("PRAGMA writable_schema = ON")
for statement in sys.argv[2].split(";"):
    db.execute(statement)
db.commit()
PYTHON
}
# An import where no server runs leaves nothing unpacked behind.
ok 'the restored copy takes an import' in_folder other import "$TMP/m1.csv"
where=block
[[ $(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM block").fetchone()[0])' \
  "$TMP/other/readings.db") != 0 ]] || where=fresh
damage readings.db "UPDATE $where SET body = flip(body) WHERE rowid = (SELECT min(rowid) FROM $where)"
status=0
in_folder other doctor --json >"$TMP/doctor.json" || status=$?
is 'a flipped bit among the readings is found' "$status" 1
like 'and named' "$(json .findings.0.where "$(<"$TMP/doctor.json")") $(json .findings.0.kind "$(<"$TMP/doctor.json")") \
$(json .findings.0.subject "$(<"$TMP/doctor.json")")" "readings $where .*m[12]"
damage ledger.db "DROP TRIGGER invoice_keep; UPDATE invoice SET body = replace(body, '\"tax\":\"', '\"tax\":\"1')"
status=0
in_folder other doctor >"$TMP/doctor.txt" || status=$?
is 'a changed invoice is found' "$status" 1
like 'and named' "$(<"$TMP/doctor.txt")" 'ledger, invoice SM[0-9]{4}-000001: its stored bill says'
mv -- "$TMP/other/keys/pii.json" "$TMP/other/pii.away"
in_folder other doctor >"$TMP/doctor.txt" || true
like 'a missing key is found' "$(<"$TMP/doctor.txt")" 'keys/pii.json: it is not there'
is 'and not made anew' "$(test -e "$TMP/other/keys/pii.json" && echo made)" ''
ok 'the live store is well' smartmeter doctor
stop_server || fail 'the server ends'
ok 'also when it is stopped' smartmeter doctor
finish
