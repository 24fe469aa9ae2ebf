#!/usr/bin/env bash
# A house moves from files to a PostgreSQL server and back (`smartmeter migrate`), while meters go on sending: readings raw and of
# 15 minutes, courses of days whose raw readings are gone, refused messages, sequences, edits, invoices to the byte, the audit log.
# The copying is killed again and again. What is no place to move to is refused.
# shellcheck disable=SC2030,SC2031 # the folder of another house is for its subshell alone
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/blackbox/house.sh
source "$SM_HERE/house.sh"

if ! on_postgres; then
  rm -rf -- "$TMP"
  exec "$SM_ROOT/tests/postgres/with_postgres" "$SM_HERE/migrate_test.sh"
fi
# Which store is in use is this test's own to say: files, or STORE.
PG=$SM_TEST_POSTGRES
unset SM_TEST_POSTGRES
kills=3 rounds=1
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then kills=30 rounds=20; fi

psql_on() { psql -X -q -A -t -h "$PG" -U smartmeter -d "$1" -c "$2"; }
house() { psql_on house "$1"; }
database() { createdb -h "$PG" -U smartmeter "$1"; }
url_of() { printf '%s' "postgresql://smartmeter@/$1?host=$PG"; }
URL=$(url_of house)
database house
at_server() { STORE=$URL "$@"; }
# elsewhere COMMAND...: another house.
elsewhere() { (DATA=$TMP/elsewhere && "$@"); }

# --- a house -------------------------------------------------------------------------------------------------------------
build_house
stop_server || fail 'the server stops'
drop_november
blocks() { sqlite "$DATA/readings.db" 'SELECT (SELECT count(*) FROM block), (SELECT count(*) FROM course), count(*) FROM quarter'; }
like 'raw readings are dropped, courses and rows of 15 minutes are kept' "$(blocks)" '^[1-9][0-9]*[|][1-9][0-9]*[|]3[0-9][0-9]$'

# --- where it cannot go ----------------------------------------------------------------------------------------------------
move() { smartmeter migrate --from embedded --to "${1:-$URL}" "${@:2}"; }
ok 'nowhere' fails move "postgresql://smartmeter@/x?host=$TMP/nowhere"
like 'is told' "$COMPLAINT" 'cannot reach PostgreSQL, /x'
ok 'the same store' fails smartmeter migrate --from embedded --to embedded
like 'is no move' "$COMPLAINT" 'the same store'
ok 'an unknown store' fails move mysql://db/x
like 'is told' "$COMPLAINT" "'embedded' or the URL"
ok 'a password on the command line' fails move postgresql://smartmeter:secret@db/x
like 'belongs elsewhere' "$COMPLAINT" 'PGPASSFILE'
is 'and is not repeated' "${COMPLAINT//secret/}" "$COMPLAINT"
ok 'from where nothing is' fails elsewhere move
like 'is told' "$COMPLAINT" 'no data in the folder'
database used
(STORE=$(url_of used) && DATA=$TMP/elsewhere && printf 'plain horse battery staple' |
  smartmeter user add --email x@example.org --role admin --password-stdin >/dev/null 2>&1)
ok 'a database with data of its own' fails move "$(url_of used)"
like 'is refused' "$COMPLAINT" 'is in use'
rm -rf "$TMP/elsewhere"
printf 'device_id,timestamp,voltage,current,power_w,energy_kwh\nz1,2026-02-02T01:00:00Z,230,1,230,1800\n' >"$TMP/z.csv"
elsewhere smartmeter import --add-devices "$TMP/z.csv" >/dev/null 2>&1
database other
ok 'another house moves somewhere' quietly elsewhere move "$(url_of other)"
ok 'where that one is' fails move "$(url_of other)"
like 'this one cannot go' "$COMPLAINT" "another deployment's data"
psql_on other 'UPDATE smartmeter.schema_version SET version = version + 1'
ok 'what a newer program made' fails elsewhere move "$(url_of other)"
like 'is refused' "$COMPLAINT" 'another version of this program'

# --- copied while meters send, and killed ----------------------------------------------------------------------------------
start_server SMARTMETER_AUTO_REGISTER=1
send_from s1 s2 s3
killed_at_random "$kills" embedded "$URL"
begun=$(now_ms)
copied() { move "$URL" --json >"$TMP/copied.json" 2>"$TMP/log/copied.log"; }
ok 'after all kills, the copying comes to its end' copied
took=$((($(now_ms) - begun) * 11 / 10))
is 'nothing is switched' "$(json .switched "$(<"$TMP/copied.json")")" false
like 'there are as many tables as ledgers have' "$(json .ledger_tables "$(<"$TMP/copied.json")")" '^[34][0-9]$'
ok 'what is arriving' fails at_server smartmeter device list
like 'is not worked on' "$COMPLAINT" 'is being filled from the folder'
ok 'the old one still is' quietly smartmeter device list

# --- the switch ------------------------------------------------------------------------------------------------------------
# state FILE: what the house is, to compare.
state() {
  local number
  smartmeter export >"$1.csv"
  smartmeter doctor >"$1.doctor" 2>&1 || fail "nothing is wrong with $1" "$(<"$1.doctor")"
  smartmeter audit verify >/dev/null || fail "the audit log of $1 is whole"
  rm -rf "$DATA/invoices"
  for number in "${numbers[@]:0:1}"; do smartmeter invoice pdf "$number" --out "$1.$number.pdf" >/dev/null; done
  [[ $1 != */home ]] || return 0
  smartmeter audit list --json >"$1.audit"
  smartmeter payment list --account 101 --json >"$1.payments"
  smartmeter reading list --device f104 --all --json >"$1.edits"
  smartmeter user list --json >"$1.users"
  smartmeter device list --json >"$1.devices"
}
# bills FILE: what the API gives of bills and invoices, those of dropped days among them.
bills() {
  local device month
  for device in f101 f102 f103 f104; do
    for month in 2025-11 2025-12 2026-01; do
      api GET "/api/billing/$device?month=$month" && printf '%s\n' "$API_BODY" >>"$1"
    done
    api GET "/api/invoices/$device" && printf '%s\n' "$API_BODY" >>"$1"
    api GET "/api/invoices/$device/$(json .invoices.0.number)" && printf '%s\n' "$API_BODY" >>"$1"
    api GET "/api/devices/$device/readings?agg=15m&from=2025-11-01T00:00:00Z&to=2026-02-03T00:00:00Z&limit=10000" &&
      printf '%s\n' "$API_BODY" >>"$1"
  done
  api GET "/api/rejects?from=2026-01-01T00:00:00Z" && printf '%s\n' "$API_BODY" >>"$1"
}
same() { cmp "$TMP/$1" "$TMP/$2" || { diff "$TMP/$1" "$TMP/$2" | head -n 6; false; } }
numbers_of() { for device in f101 f102 f103 f104; do api GET "/api/invoices/$device" && json .invoices.0.number; done; }

login
mapfile -t numbers < <(numbers_of)
is 'there are invoices' "${#numbers[@]}" 4
bills "$TMP/bills.1"
stop_server || fail 'the server stops'
state "$TMP/before"
# A file of many parts, which the next command takes in from a folder of before.
head -c 2000003 /dev/urandom >"$TMP/image"
image=$(sha256sum <"$TMP/image" | cut -d ' ' -f 1)
mkdir "$DATA/firmware"
mv "$TMP/image" "$DATA/firmware/$image"
smartmeter device list >/dev/null
rm -r "$DATA/firmware"
# Whatever is killed, it is the old store that is whole, or the new one.
killed_at_random "$kills" embedded "$URL" --switch
ok 'after all kills, the switch is made' quietly move "$URL" --switch
is 'what meters need not send again is known' \
  "$(house "SELECT series_no, device_id, upper(encode(state, 'hex')) FROM smartmeter.series ORDER BY 1")" \
  "$(sqlite "$DATA/readings.db" 'SELECT series_no, device_id, hex(state) FROM series ORDER BY 1')"
is 'each invoice is the same bytes' "$(house 'SELECT number, md5(body), md5(snapshot) FROM smartmeter.invoice ORDER BY 1')" \
  "$(sqlite "$DATA/ledger.db" 'SELECT number, md5(body), md5(snapshot) FROM invoice ORDER BY 1')"
is 'so is each file' "$(house "SELECT encode(sha256(string_agg(bytes, '' ORDER BY part_no)), 'hex') FROM smartmeter.file_part")" "$image"
is 'what is sealed too' \
  "$(house "SELECT user_no, upper(encode(email_sealed, 'hex')), upper(encode(email_hash, 'hex')) FROM smartmeter.\"user\" ORDER BY 1")" \
  "$(sqlite "$DATA/ledger.db" 'SELECT user_no, hex(email_sealed), hex(email_hash) FROM user ORDER BY 1')"
is 'no number will be given out again' "$(house "SELECT string_agg(table_name, ' ') FROM information_schema.columns
  WHERE table_schema = 'smartmeter' AND is_identity = 'YES' AND table_name !~ '_[0-9]+_[0-9]+$' AND (xpath('/row/m/text()', query_to_xml(
    format('SELECT coalesce(max(%I), 0) AS m FROM smartmeter.%I', column_name, table_name), false, true, '')))[1]::text::bigint >
    coalesce((SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) =
      pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name)), 0)")" ''
at_server state "$TMP/after"
ok 'the export is the same, byte for byte' same before.csv after.csv
for what in payments edits users devices; do ok "so are $what" same "before.$what" "after.$what"; done
for number in "${numbers[@]:0:1}"; do ok "and invoice $number" cmp "$TMP/before.$number.pdf" "$TMP/after.$number.pdf"; done
ok 'the audit log begins with the same entries' cmp <(head -n "$(wc -l <"$TMP/before.audit")" "$TMP/after.audit") "$TMP/before.audit"
is 'and has one more' "$(house 'SELECT count(*) FROM smartmeter.audit')" \
  "$(($(sqlite "$DATA/ledger.db" 'SELECT count(*) FROM audit') + 1))"
is 'which is of the move' "$(house 'SELECT action FROM smartmeter.audit ORDER BY audit_no DESC LIMIT 1')" store.move
ok 'the old store' fails smartmeter device list
like 'says where everything is' "$COMPLAINT" 'has moved to PostgreSQL'
ok 'no server starts on it' fails smartmeter serve
ok 'and what is done is done' quietly move "$URL" --switch

STORE=$URL
start_server
login
bills "$TMP/bills.2"
ok 'bills, invoices, rows of 15 minutes and refused messages are the same' same bills.1 bills.2
ok 'numbers go on' quietly smartmeter payment add --account 101 --amount 10.00 --reference 'UTR 2'
ok 'those of meters too' api POST /api/devices '{"device_id": "new1"}'
printf 'device_id,timestamp,voltage,current,power_w,energy_kwh\nf101,2025-11-10T01:02:03Z,230,1,230,1800\n' >"$TMP/old.csv"
ok 'what is older than what was dropped' fails smartmeter import "$TMP/old.csv"
ok 'stays refused' api_has GET '/api/rejects?from=2026-01-01T00:00:00Z' past_retention

# --- and back, by a server that is stopped when it is asked for ---------------------------------------------------------------
last_is_there() { api GET '/api/devices/s1/readings?from=2026-02-03T00:00:00Z&limit=10000' && (($(json .readings.#) > 50)); }
wait_until 'readings come in' last_is_there
smartmeter migrate --from "$URL" --to embedded --switch --json >"$TMP/back.json" 2>"$TMP/log/back.log" &
migrating=$!
wait_until 'it waits for the server' grep -q 'Stop the server now' "$TMP/log/back.log"
stop_server || fail 'the server stops'
ok 'it ends when the server does' wait "$migrating"
ok 'the database' fails smartmeter device list
like 'says where everything is' "$COMPLAINT" 'has moved to the folder'
STORE=''
# As if it had been killed in between: all is in its place but the ledger.
mkdir "$DATA/arriving" && mv "$DATA/ledger.db" "$DATA/arriving/"
ok 'a folder that is not whole' fails smartmeter serve
like 'is not begun anew' "$COMPLAINT" 'was filling'
ok 'and is made whole' quietly smartmeter migrate --from "$URL" --to embedded --switch
state "$TMP/home"
ok 'the house is back, and has what came meanwhile' python3 -c '
import sys
before, after = (set(open(name)) for name in sys.argv[1:])
sys.exit(not before < after)' "$TMP/after.csv" "$TMP/home.csv"
for number in "${numbers[@]:0:1}"; do ok "invoice $number is the same" cmp "$TMP/before.$number.pdf" "$TMP/home.$number.pdf"; done
like 'the old files are set aside' "$(cd "$DATA" && echo left-*/ledger.db)" 'left-[0-9]*/ledger.db'
is 'the broker knows the server by the same name' "$(sqlite "$DATA/readings.db" "SELECT value FROM meta WHERE key = 'client_id'")" \
  "$(sqlite "$DATA"/left-*/readings.db "SELECT value FROM meta WHERE key = 'client_id'")"
start_server
login
rm -f "$TMP/bills.3"
bills "$TMP/bills.3"
# But for what was paid and refused in between.
for file in bills.1 bills.3; do sed -E '$d; s/"paid":"[0-9.]*"//g' "$TMP/$file" >"$TMP/$file.plain"; done
ok 'bills and the rest are the same' same bills.1.plain bills.3.plain
stop_sending
wait_until 'all that was sent is stored once' all_stored && pass 'all that was sent through two moves is stored once'
note "sent: $(cat "$TMP"/sent.*)"
ok 'nothing is wrong' quietly smartmeter doctor

# --- a small house, there and back, killed at every step --------------------------------------------------------------------
# moved FROM TO: until it has moved, whatever is killed, at the sixth time at the latest.
moved() {
  local tries migrating status=1
  for ((tries = 0; tries < 6 && status != 0; tries++)); do
    server_command
    "${SM_COMMAND[@]}" migrate --from "$1" --to "$2" --switch >>"$TMP/log/rounds.log" 2>&1 &
    migrating=$!
    if ((tries < 5)); then
      after=$((RANDOM * took / 32768))
      sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
      if kill -KILL "$migrating" 2>/dev/null; then cut=$((cut + 1)); fi
    fi
    status=0
    wait "$migrating" 2>/dev/null || status=$?
  done
  return "$status"
}
DATA=$TMP/elsewhere cut=0
database timed
begun=$(now_ms)
quietly move "$(url_of timed)"
took=$((($(now_ms) - begun) * 5 / 4))
before=$(smartmeter export | sha256sum)
for ((round = 1; round <= rounds; round++)); do
  database "round$round"
  ok "round $round: it moves there" moved embedded "$(url_of "round$round")"
  is 'with all readings' "$(STORE=$(url_of "round$round") && smartmeter export | sha256sum)" "$before"
  ok 'and back' moved "$(url_of "round$round")" embedded
  is 'with all readings' "$(smartmeter export | sha256sum)" "$before"
  ok 'nothing is wrong' quietly smartmeter doctor
  ok 'the audit log is whole' quietly smartmeter audit verify
done
note "killed $cut times"
finish
