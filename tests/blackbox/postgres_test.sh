#!/usr/bin/env bash
# Black-box tests again, with the data on a PostgreSQL server instead of in files: ingest and acknowledgements,
# money, and a server that is killed. Any other test of this folder runs the same way, as far as it neither looks
# into the files nor makes backups of them:
#
#   tests/postgres/with_postgres "$PWD/tests/blackbox/landlord_test.sh"
#
# After the doctor, which is tried here by itself.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

if ! on_postgres; then
  exec "$SM_ROOT/tests/postgres/with_postgres" "$SM_HERE/postgres_test.sh"
fi

for name in acks money kill; do
  if "$SM_HERE/${name}_test.sh" >"$TMP/log/$name.log" 2>&1; then
    pass "$name, on PostgreSQL"
  else
    fail "$name, on PostgreSQL" "$(grep -A 3 '^not ok' "$TMP/log/$name.log")"
  fi
done

start_broker
start_server SMARTMETER_AUTO_REGISTER=1
login
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:45:00Z 12.345)"
wait_until 'the reading is stored' api_has GET /api/devices/meter-001/readings?from=2026-01-29T00:00:00Z 12.345 &&
  pass 'a reading is stored'
ok 'nothing is wrong' smartmeter doctor
like 'a backup says what to use instead' "$(smartmeter backup "$TMP/backup" 2>&1 || true)" 'pg_dump'
like 'so does a restore' "$(smartmeter restore "$TMP/backup" 2>&1 || true)" 'pg_restore'
server_command SMARTMETER_STORE=mysql://somebody:secret@db/x
said=$("${SM_COMMAND[@]}" doctor 2>&1 || true)
like 'an unknown store is refused' "$said" "neither 'embedded' nor"
is 'and its password not repeated' "${said//secret/}" "$said"
finish
