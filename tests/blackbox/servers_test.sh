#!/usr/bin/env bash
# Two servers on one PostgreSQL and one broker: a login at one is good at the other, each tells what the other has taken, months and
# alerts are made once, and killing or restarting one of them loses nothing and doubles nothing.
FAULT_BUILD=${FAULT_BUILD:-asan}
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
if ! on_postgres; then exec "$SM_ROOT/tests/postgres/with_postgres" "$SM_HERE/servers_test.sh"; fi

OWNER=owner@example.org
OTHER_DATA=$TMP/other
lives=$(long 2 12)
{
  read -r OTHER_HTTP_PORT
  read -r OTHER_METRICS_PORT
} < <(free_port 2)
OTHER_API=http://127.0.0.1:$OTHER_HTTP_PORT

# A broker of the operator's own, as docs/scaling.md asks for it: the server's client ids are its own, and what servers tell each other
# is theirs alone.
start_own_broker() {
  local password=$TMP/broker
  mkdir -p "$password"
  mosquitto_passwd -b -c "$password/passwords" smartmeter-server secret
  printf '%s\n' "listener $MQTT_PORT 127.0.0.1" 'allow_anonymous true' "password_file $password/passwords" "acl_file $password/acl" \
    'max_inflight_messages 0' 'max_queued_messages 0' 'persistence false' "user $(id -un)" >"$password/mosquitto.conf"
  printf '%s\n' 'topic write meters/+/telemetry' 'topic write meters/+/status' 'topic read meters/+/ack' '' \
    'user smartmeter-server' 'topic read meters/#' 'topic write meters/+/ack' 'topic write meters/+/command' \
    'topic readwrite smartmeter/probe/#' 'topic readwrite smartmeter/live/#' >"$password/acl"
  start_child broker "$TMP/log/broker.log" mosquitto -c "$password/mosquitto.conf"
  wait_for_port "$MQTT_PORT" "$WAIT_S" "$(child_pid broker)" || { fail 'the broker starts'; exit 1; }
}

SERVER_SETTINGS=("SMARTMETER_MQTT_URL=mqtt://smartmeter-server:secret@127.0.0.1:$MQTT_PORT" SMARTMETER_LEASE_S=3 SMARTMETER_ALERT_GRACE=0
  SMARTMETER_BILLING_DELAY=0)

launch_one() { launch_again; }
launch_other() {
  server_command "SMARTMETER_DATA_DIR=$OTHER_DATA" "SMARTMETER_HTTP_PORT=$OTHER_HTTP_PORT" "SMARTMETER_METRICS_PORT=$OTHER_METRICS_PORT" \
    "SMARTMETER_STORE=$(store_url "$DATA")" "${SERVER_SETTINGS[@]}"
  start_child other "$TMP/log/other.log" "${SM_COMMAND[@]}" serve
}
one_is_ready() { wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || fail 'the one is ready'; }
other_is_ready() { wait_for_http "$OTHER_API/readyz" "$WAIT_S" "$(child_pid other)" || fail 'the other is ready'; }
# at_other COMMAND...: with the other server's API and metrics.
at_other() { local API=$OTHER_API METRICS_PORT=$OTHER_METRICS_PORT && "$@"; }
see_each_other() { [[ $(metric smartmeter_servers_others) == 1 && $(at_other metric smartmeter_servers_others) == 1 ]]; }
lead_is_one() { (($(metric smartmeter_servers_leads) + $(at_other metric smartmeter_servers_leads) == 1)); }

# --- a month, by both at once ---------------------------------------------------------------------------------------------
accounts=12
start_own_broker
start_again SMARTMETER_BILLING_JOB=0
login
readings='' at=''
for at in 2026-07-31T18:30 2026-08-20T00:00 2026-08-31T18:30 2026-09-20T00:00 2026-09-30T18:30 2026-10-20T00:00 2026-10-31T18:30 2026-11-01T00:00; do
  readings+=${readings:+,}$(reading DEVICE "$at:00Z" "$((100 + 10 * $(tr -cd , <<<"$readings" | wc -c)))")
done
for ((i = 0; i < accounts; i++)); do
  api POST /api/devices "$(json_object device_id "flat-$i" owner "$OWNER")" || fail "flat-$i is added" "$API_BODY"
  publish "meters/flat-$i/telemetry" "[${readings//DEVICE/flat-$i}]"
done
has_flat() { api_has GET "/api/devices/flat-$((accounts - 1))/readings?from=2026-11-01T00:00:00Z" 2026-11-01; }
wait_until 'the readings are stored' has_flat
ok 'August is issued by hand' smartmeter bill --month 2026-08 --summary >"$TMP/log/bill.log"
stop_server || fail 'it stops'
ok 'the keys are taken out' smartmeter keys export "$TMP/keys" --help >/dev/null
mkdir -p "$OTHER_DATA"
cp -r -- "$DATA/keys" "$OTHER_DATA/"

launch_one
launch_other
one_is_ready
other_is_ready
invoices() { ledger_sql 'SELECT count(*) FROM invoice'; }
all_issued() { (($(invoices) >= 3 * accounts)); }
wait_until 'the months are issued' all_issued
is 'each month is issued once an account' "$(ledger_sql 'SELECT count(*), count(DISTINCT (account_no, month)), count(DISTINCT serial), max(serial) FROM invoice')" \
  "$((3 * accounts)) $((3 * accounts)) $((3 * accounts)) $((3 * accounts))"

# --- a login at one is good at the other ----------------------------------------------------------------------------------
login
ok 'a token of the one is good at the other' at_other api GET /api/devices
at_other login
OTHER_TOKEN=$TOKEN
ok 'and the other way round' api GET /api/devices
ok 'a session is ended at one' api POST /api/auth/logout ''
finish
