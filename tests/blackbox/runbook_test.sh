#!/usr/bin/env bash
# Every command that docs/operations.md gives in a block of its own, for alerts and for the rest, as it is written there (but for ports
# and folders): each does something, and none of them names what is not there. paste_test.sh has those within the text.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# blocks KIND: the shell commands (KIND sh) or lines of a crontab (cron) in blocks, a line "HEADING<tab>COMMAND" each.
blocks() {
  awk -v kind="$1" '
    /^##+ / { heading = $0; sub(/^#+ /, "", heading) }
    $0 == "```" kind { code = 1; next }
    /^```$/ { code = 0 }
    code { sub(/ +#.*/, ""); print heading "\t" $0 }' "$SM_ROOT/docs/operations.md"
}

# here TEXT: the same with this test's ports and folders.
here() {
  sed -e "s/127\.0\.0\.1:5000/127.0.0.1:$HTTP_PORT/g; s/127\.0\.0\.1:9464/127.0.0.1:$METRICS_PORT/g" \
    -e "s|/srv/smartmeter|$TMP|g; s|/backup/smartmeter|$TMP/backup|g; s|/media/stick|$TMP/stick|g; s|/root/passphrase|$TMP/passphrase|g" \
    -e "s|^scripts/|$SM_ROOT/scripts/|" <<<"$1"
}

# As beside ./run --bare.
mkdir -p "$TMP/var" "$DATA/invoices" "$DATA/log"
ln -s "$DATA" "$TMP/var/site"
ln -s "$TMP/log/server.log" "$DATA/log/server.log"
ln -s "$TMP/log/broker.log" "$DATA/log/mosquitto.log"
start_broker
start_server
login
ok 'a meter' api POST /api/devices "$(json_object device_id meter-001)"
publish meters/meter-001/telemetry "$(reading meter-001 "$(date -u +%FT%TZ)" 1)"
publish meters/meter-002/telemetry "$(reading meter-002 "$(date -u +%FT%TZ)" 1)"
api GET /api/devices/absent || true
refused() { [[ $(metric 'smartmeter_readings_rejected_total{reason="unknown_device"}') == 1 ]]; }
wait_until 'a reading is refused' refused

server_command "SMARTMETER_MQTT_PSK_PORT=$PSK_PORT"
{
  declare -p SM_COMMAND
  # What `smartmeter` stands for, as the head of the document says.
  # shellcheck disable=SC2016 # not here, but there
  echo 'smartmeter() { "${SM_COMMAND[@]}" "$@"; }'
} >"$TMP/environment"
# And the program by the path that it has there.
mkdir -p "$TMP/build/release" "$TMP/stick" "$TMP/backup"
printf '#!/usr/bin/env bash\nsource %q\nsmartmeter "$@"\n' "$TMP/environment" >"$TMP/build/release/smartmeter"
chmod +x "$TMP/build/release/smartmeter"
export SM_BINARY
touch "$DATA/log/server.log.1" "$DATA/invoices/2026"
# What stands there as somebody's own.
printf 'correct horse battery staple' >"$TMP/passphrase"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TMP/m3.key" -subj /CN=m3 -out "$TMP/m3.csr" 2>/dev/null
# Backups are of data in files. What stands there for a database server, postgres_test.sh runs.
if ! on_server; then
  smartmeter backup "$TMP/backup/2026-02-01" >"$TMP/log/backup.log" 2>&1 || fail 'a backup is made' "$(<"$TMP/log/backup.log")"
fi
of_files() { [[ $1 == *' backup /backup/'* || $1 == scripts/restore-drill\ * ]]; }

ran=0
# paste HEADING COMMAND: passes if it does what it is there for; for an alert it also has nothing to complain of.
paste() {
  local status=0
  ran=$((ran + 1))
  if on_server && of_files "$2"; then
    skip "$1: $2" 'a database server makes its own backups: docs/postgresql.md'
    return
  fi
  (cd "$TMP" && bash -c "source environment; $(here "$2")") >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
  if ((status == 0)) && [[ $1 != Smartmeter* || ! -s $TMP/err ]]; then pass "$1: $2"; else fail "$1: $2" "exit status $status" "$(cat "$TMP/err")"; fi
}
while IFS=$'\t' read -r heading command; do
  # The one that only says how all others begin.
  if [[ $command == 'SMARTMETER_DATA_DIR=var/site build/release/smartmeter' ]]; then command+=' version'; fi
  # The broker of this test has the plain listener, and what would be sent could be heard there.
  if [[ $command == *' --send '* ]]; then
    ok "$heading: $command (by edge_login_test.sh)" grep -q 'rotate --send' "$SM_HERE/edge_login_test.sh"
    continue
  fi
  paste "$heading" "$command"
done < <(blocks sh)
while IFS=$'\t' read -r heading command; do
  # Without its five fields of time; cron takes a % for the end of the line unless it is escaped.
  command=$(cut -d' ' -f6- <<<"$command")
  paste "$heading, by cron" "${command//\\%/%}"
done < <(blocks cron)
on_server || ok 'today has its backup' test -s "$TMP/backup/$(date +%F)/manifest.json"
ok 'there were commands' test "$ran" -ge 32
ok 'room was made' test ! -e "$DATA/invoices/2026" -a ! -e "$DATA/log/server.log.1"

# What the text says that they show.
shows() { (cd "$TMP" && bash -c "source environment; $(here "$(blocks sh | grep -P '^Smartmeter[A-Za-z]+\t' | cut -f2 | grep -F -- "$1" | head -n 1)")") 2>&1; }
like 'what is refused, by its reason' "$(shows 'grep readings_rejected_total |')" 'reason="unknown_device"\} 1'
stop_broker || true
not_ready() { [[ $(curl -s -o /dev/null -w '%{http_code}' "$API/readyz") == 503 ]]; }
wait_until 'the server is not ready' not_ready
like 'a server without its broker says so' "$(shows /readyz)" 'not subscribed at the MQTT broker: .*'
like 'and its log says why' "$(shows '"event":"mqtt')" 'mqtt.lost'
finish
