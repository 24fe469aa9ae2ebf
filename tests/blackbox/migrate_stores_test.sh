#!/usr/bin/env bash
# A house moves through all engines: from files to MongoDB, on to PostgreSQL, to another PostgreSQL database, and (with --long) back to
# MongoDB and into files, while meters go on sending, and each move is killed. MongoDB is the server that MONGODB_URI names, else the double of one
# (tests/mongo: no MongoDB).
WAIT_S=300 # a double in Python takes its time where others work too
SEND_EVERY_S=0.25
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/blackbox/house.sh
source "$SM_HERE/house.sh"

if ! on_postgres || ! on_mongodb; then
  rm -rf -- "$TMP"
  if ! on_postgres; then exec "$SM_ROOT/tests/postgres/with_postgres" --command "$SM_HERE/migrate_stores_test.sh"; fi
  if [[ -n ${MONGODB_URI:-} ]]; then SM_TEST_MONGODB=$MONGODB_URI exec "$SM_HERE/migrate_stores_test.sh"; fi
  exec "$SM_ROOT/tests/mongo/with_double" --command "$SM_HERE/migrate_stores_test.sh"
fi
PG=$SM_TEST_POSTGRES MONGO=$SM_TEST_MONGODB
unset SM_TEST_POSTGRES SM_TEST_MONGODB
kills=1
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then kills=15; fi

name=${TMP##*.}
postgres() {
  createdb -h "$PG" -U smartmeter "$1"
  printf 'postgresql://smartmeter@/%s?host=%s' "$1" "$PG"
}
mongo() { printf '%s/sm-%s-%s?%s' "${MONGO%%/\?*}" "$name" "$1" "${MONGO##*\?}"; }

# What of it never changes: the flats' readings, bills and invoices to the byte, and what people did.
constant() {
  local device
  for device in f101 f102 f103 f104; do
    smartmeter export --device "$device"
    smartmeter invoice pdf "$(json .invoices.0.number "$(invoices_of "$device")")" --out "$TMP/one.pdf" >/dev/null
    cat "$TMP/one.pdf"
  done
  smartmeter payment list --account 101 --json
  smartmeter reading list --device f104 --all --json
  smartmeter user list --json
}
invoices_of() { api GET "/api/invoices/$1" && printf '%s' "$API_BODY"; }
bills() {
  local device month
  for device in f101 f102 f103 f104; do
    for month in 2025-11 2025-12 2026-01; do api GET "/api/billing/$device?month=$month" && printf '%s\n' "$API_BODY"; done
    api GET "/api/invoices/$device" && printf '%s\n' "$API_BODY"
    api GET "/api/devices/$device/readings?agg=15m&from=2025-11-01T00:00:00Z&to=2026-02-02T00:00:00Z&limit=10000" &&
      printf '%s\n' "$API_BODY"
  done
  api GET '/api/rejects?from=2026-01-01T00:00:00Z' && printf '%s\n' "$API_BODY"
}
same() { cmp "$TMP/$1" "$TMP/$2" || { diff "$TMP/$1" "$TMP/$2" | cut -c -300 | head -n 6; false; } }

# move_on WORDS FROM TO: with a server that runs until it is asked to stop, and is killed at any moment.
move_on() {
  local migrating
  start_server SMARTMETER_AUTO_REGISTER=1
  killed_at_random "$kills" "$2" "$3"
  server_command
  "${SM_COMMAND[@]}" migrate --from "$2" --to "$3" --switch --json >"$TMP/moved.json" 2>"$TMP/log/moved.log" &
  migrating=$!
  wait_until "$1: it waits for the server" grep -q 'Stop the server now' "$TMP/log/moved.log" || exit 1
  stop_server || fail 'the server stops'
  if ((RANDOM % 2 == 0)) || [[ ${SM_TEST_LONG:-0} == 1 ]]; then kill -KILL "$migrating" 2>/dev/null || true; fi
  wait "$migrating" || true
  killed_at_random "$kills" "$2" "$3" --switch
  ok "$1: it moves" quietly smartmeter migrate --from "$2" --to "$3" --switch
  ok "$1: where it was" fails smartmeter device list
  like "$1: says so" "$COMPLAINT" 'has moved to'
  STORE=''
  [[ $3 == embedded ]] || STORE=$3
  start_server SMARTMETER_AUTO_REGISTER=1
  login
  constant >"$TMP/constant.2"
  bills >"$TMP/bills.2"
  ok "$1: the house is the same" same constant.1 constant.2
  ok "$1: its bills too" same bills.1 bills.2
  stop_server || fail 'the server stops'
  ok "$1: nothing is wrong" quietly smartmeter doctor
  ok "$1: the audit log is whole" quietly smartmeter audit verify
}

build_house 4 # what a double in Python takes in
stop_server || fail 'the server stops'
drop_november
start_server SMARTMETER_AUTO_REGISTER=1
login
constant >"$TMP/constant.1"
bills >"$TMP/bills.1"
stop_server || fail 'the server stops'
ok 'a password on the command line' fails smartmeter migrate --from embedded --to mongodb://a:secret@db/x
like 'belongs elsewhere' "$COMPLAINT" 'password-file'
ok 'from one MongoDB to another' fails smartmeter migrate --from "$(mongo a)" --to "$(mongo b)"
like 'is for its own tools' "$COMPLAINT" 'its own tools'
send_from s1 s2 s3
first=$(postgres first) second=$(postgres second)
move_on 'from files to MongoDB' embedded "$(mongo one)"
move_on 'on to PostgreSQL' "$(mongo one)" "$first"
move_on 'to another database' "$first" "$second"
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then
  move_on 'back to a MongoDB' "$second" "$(mongo two)"
  move_on 'and into files' "$(mongo two)" embedded
fi
start_server SMARTMETER_AUTO_REGISTER=1
stop_sending
wait_until 'all that was sent is stored once' all_stored && pass 'all that was sent through all moves is stored once'
note "sent: $(cat "$TMP"/sent.*)"
finish
