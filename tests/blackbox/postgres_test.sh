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

# By its own broker a server is alone, and does not share what Mosquitto would forget.
stop_server || fail 'the server stops'
stop_broker
start_broker
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:46:00Z 12.456)"
start_server
login
wait_until 'what came when the broker was anew and the server away is stored' \
  api_has GET /api/devices/meter-001/readings?from=2026-01-29T00:00:00Z 12.456 && pass 'what came when the broker was anew and the server away is stored'

like 'a backup says what to use instead' "$(smartmeter backup "$TMP/backup" 2>&1 || true)" 'pg_dump'
like 'so does a restore' "$(smartmeter restore "$TMP/backup" 2>&1 || true)" 'pg_restore'

# --- docs/postgresql.md, "Backup and restore": as it stands there, but for where things are --------------------------------
# backup_block N: its Nth block, as a shell reads it.
backup_block() {
  local from to
  from=$(store_url "$DATA") to=$(store_url "$TMP/restored")
  awk -v wanted="$1" '/^## / { here = $0 == "## Backup and restore" }
    here && /^```/ { number += code = !code; next }
    here && code && number == wanted' "$SM_ROOT/docs/postgresql.md" |
    sed -e "s|postgresql://smartmeter@db.example/smartmeter|'$from'|; s|postgresql://smartmeter@db.example/restored|'$to'|; s|var/site|$DATA|"
}
follow() {
  local lines
  lines=$(backup_block "$1")
  (
    # With the settings of the shell that it is called in.
    smartmeter() {
      server_command "SMARTMETER_DATA_DIR=$TMP/${SMARTMETER_DATA_DIR:-data}" ${SMARTMETER_STORE:+"SMARTMETER_STORE=$SMARTMETER_STORE"}
      "${SM_COMMAND[@]}" "$@"
    }
    cd "$TMP" && eval "${lines//$'\n'/ && }"
  ) >"$TMP/log/block-$1.log" 2>&1 <<<'correct horse battery staple'
}
ok 'a backup, as it is told there' follow 1
ok 'the drill, as it is told there' follow 2
like 'it reads names' "$(<"$TMP/log/block-2.log")" "$ADMIN_EMAIL"
like 'and finds all well' "$(<"$TMP/log/block-2.log")" 'nothing is wrong'

server_command SMARTMETER_STORE=mysql://somebody:secret@db/x
said=$("${SM_COMMAND[@]}" doctor 2>&1 || true)
like 'an unknown store is refused' "$said" "neither 'embedded' nor"
is 'and its password not repeated' "${said//secret/}" "$said"
finish
