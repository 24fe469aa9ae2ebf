#!/usr/bin/env bash
# Black-box tests again, with the program's data on a double of a MongoDB server (tests/mongo: no MongoDB): ingest and
# acknowledgements, money, a server that is killed; and two servers on one database.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

if ! on_mongodb; then
  exec "$SM_ROOT/tests/mongo/with_double" --command "$SM_HERE/mongodb_test.sh"
fi

# What takes its time beside a double in Python: with --long.
others=()
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then others=(acks money); fi
for name in "${others[@]}"; do
  if "$SM_HERE/${name}_test.sh" >"$TMP/log/$name.log" 2>&1; then
    pass "$name, on a double of MongoDB"
  else
    fail "$name, on a double of MongoDB" "$(grep -A 3 '^not ok' "$TMP/log/$name.log")"
  fi
done

start_broker
start_server SMARTMETER_AUTO_REGISTER=1
login
like 'the plain program goes on as the other one' "$(readlink "/proc/$(server_pid)/exe")" '/smartmeter-mongodb$'
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:45:00Z 12.345)"
wait_until 'the reading is stored' api_has GET /api/devices/meter-001/readings?from=2026-01-29T00:00:00Z 12.345 &&
  pass 'a reading is stored'
ok 'nothing is wrong' smartmeter doctor
like 'a backup is not made of files' "$(smartmeter backup "$TMP/backup" 2>&1 || true)" 'database server'

# A second server: a data folder of its own with the same keys, the same database.
mkdir "$TMP/second"
cp -r -- "$DATA/keys" "$TMP/second/"
server_command "SMARTMETER_DATA_DIR=$TMP/second" "SMARTMETER_STORE=$(store_url "$DATA")"
like 'a second data folder knows the device' "$("${SM_COMMAND[@]}" device list)" meter-001
add_there() { printf 'a long enough password' | "${SM_COMMAND[@]}" user add --email new@example.com --role consumer --password-stdin; }
ok 'it adds a user' add_there
knows_user() {
  TOKEN='' api POST /api/auth/login '{"email":"new@example.com","password":"a long enough password"}' && [[ $API_BODY == *'"token"'* ]]
}
wait_until 'the first one lets the user in' knows_user && pass 'whom the first one knows within a moment'
is 'nothing is wrong there either' "$("${SM_COMMAND[@]}" doctor >/dev/null 2>&1 && echo whole)" whole
finish
