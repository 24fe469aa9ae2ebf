#!/usr/bin/env bash
# "Moving house" of docs/operations.md: to another machine by a copy of both folders, and to another broker while readings come at both.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

NEW_PORT=$(free_port)
day=2026-01-29
# there ID HOUR KWH [PORT]: a reading, at this test's broker or another.
there() { MQTT_PORT=${4:-$MQTT_PORT} publish "meters/$1/telemetry" "$(reading "$1" "${day}T$2:00:00Z" "$3")"; }
stored() { [[ $(smartmeter export 2>/dev/null | grep -c "^$1,") == "$2" ]]; }

# --- to another machine ---
start_broker
start_server
told=$(smartmeter device add --id m1 --json)
password=$(json credentials.mqtt.password "$told")
ok 'a reading' there m1 09 1
wait_until 'it is stored' stored m1 1
stop_server || fail 'the server stops'
ok 'another one waits at the broker' there m1 10 2
stop_broker || fail 'the broker stops'
before=$(smartmeter export | sha256sum)
mkdir "$TMP/new"
cp -a "$DATA" "$DATA.ca" "$TMP/new/"
# What is on a database server stays there.
if on_server; then STORE_URL=$(store_url "$DATA"); fi
DATA=$TMP/new/data
is 'the copy is the same' "$(smartmeter export | sha256sum)" "$before"
start_broker
start_server
wait_until 'what waited at the broker is stored' stored m1 2
pass 'what waited at the broker is stored'
ok 'a meter logs in with what it had, at an authority that it knows' mosquitto_pub -h localhost -p "$MQTTS_PORT" \
  --cafile "$TMP/data/broker/ca.crt" -u m1 -P "$password" -q 1 -t meters/m1/telemetry -m "$(reading m1 ${day}T11:00:00Z 3)"
wait_until 'and its reading is stored' stored m1 3
pass 'and its reading is stored'
since=${day}T10:30:00Z
smartmeter export --from "$since" >"$TMP/since.csv"
ok 'what came since a time can be brought by itself' smartmeter import "$TMP/since.csv"
is 'which is that' "$(grep -c ^m1, "$TMP/since.csv")" 1
like 'the doctor finds nothing' "$(smartmeter doctor 2>&1)" 'nothing is wrong'

# --- to another broker ---
mkdir "$TMP/persistence"
cat >"$TMP/new.conf" <<CONF
listener $NEW_PORT 127.0.0.1
allow_anonymous true
persistence true
persistence_location $TMP/persistence/
max_queued_messages 0
CONF
start_child new-broker "$TMP/log/new-broker.log" mosquitto -c "$TMP/new.conf"
wait_for_port "$NEW_PORT" "$WAIT_S" "$(child_pid new-broker)" || fail 'another broker starts'
stop_server || true
start_server "SMARTMETER_MQTT_URL=mqtt://127.0.0.1:$NEW_PORT"
ok 'a meter still sends to the old one' there m1 12 4
ok 'one sends to the new one' there m1 13 5 "$NEW_PORT"
wait_until 'the new one is heard' stored m1 4
pass 'the new one is heard'
stop_server || true
start_server
ok 'meanwhile one sends to the new one' there m1 14 6 "$NEW_PORT"
wait_until 'the old one is emptied' stored m1 5
pass 'the old one is emptied'
stop_server || true
start_server "SMARTMETER_MQTT_URL=mqtt://127.0.0.1:$NEW_PORT"
wait_until 'what came meanwhile was kept' stored m1 6
pass 'what came meanwhile was kept'
stop_broker || true
ok 'and without the old one' there m1 15 7 "$NEW_PORT"
wait_until 'it goes on' stored m1 7
pass 'it goes on'
like 'none is lost and none is double' "$(smartmeter doctor 2>&1)" 'nothing is wrong'
finish
