#!/usr/bin/env bash
# A meter by TLS with its own login, which the operator changes without a visit: the meter is told over its connection, tries the
# new login, and forgets the old one once it was let in.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
start_broker
start_server
login
api POST /api/devices '{"device_id": "edge-1"}'
username=$(json .credentials.mqtt.username)
EDGE_PASSWORD=$(json .credentials.mqtt.password)
export EDGE_PASSWORD

start_child module "$TMP/log/module.log" "$BUILD/pzem-sim" --link "$TMP/line"
wait_until 'the module is there' test -e "$TMP/line"
start_meter() {
  start_child meter "$TMP/log/meter.log" "$BUILD/edge-meter" --serial "$TMP/line" --flash "$TMP/flash" --ca "$DATA/broker/ca.crt" "$@"
}
stored_more_than() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000" && (($(json .readings.#) > $1))
}
stored() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000"
  json .readings.#
}
connected_as() { grep -q "New client connected .* u'$1'" "$TMP/log/broker.log"; }

start_meter --set device_id=edge-1 --set host=localhost --set "port=$MQTTS_PORT" --set "username=$username" --set interval_s=1
if wait_until 'readings come by TLS' stored_more_than 1; then pass 'readings come by TLS'; fi
unset EDGE_PASSWORD

server_command SMARTMETER_MQTT_PORT=0
rotate() { "${SM_COMMAND[@]}" device rotate --id edge-1 "$@" >>"$TMP/log/rotate.log"; }
ok 'another login is sent' rotate --send --host localhost
if wait_until 'the meter comes with it' connected_as 'edge-1~2'; then pass 'the meter comes with it'; fi
if wait_until 'and goes on' stored_more_than "$(stored)"; then pass 'and goes on'; fi
ok 'the old login is ended' rotate --finish
if wait_until 'nothing stops by that' stored_more_than "$(stored)"; then pass 'nothing stops by that'; fi

ok 'a certificate is sent' rotate --certificate --send --host localhost
if wait_until 'the meter comes with it' test -e "$TMP/flash.key-1"; then pass 'the meter keeps it'; fi
if wait_until 'and goes on with it' stored_more_than "$(stored)"; then pass 'and goes on with it'; fi
ok 'another certificate is sent' rotate --certificate --send --host localhost
if wait_until 'the meter comes with that' test ! -e "$TMP/flash.key-1"; then pass 'the first is forgotten once the second was let in'; fi
ok 'the key is for its owner only' test "$(stat -c %a "$TMP/flash.key-0")" = 600
ok 'the older logins are ended' rotate --finish
if wait_until 'nothing stops by that either' stored_more_than "$(stored)"; then pass 'nothing stops by that either'; fi

end_child meter KILL || true
: >"$TMP/log/meter.log"
before=$(stored)
start_meter
if wait_until 'a start later the new login is known' stored_more_than "$before"; then pass 'a start later the new login is known'; fi
ok 'the password is not in the log' test "$(grep -c password "$TMP/log/meter.log")" = 0
api GET /api/rejects
is 'none was refused' "$(json .rejects.#)" 0
ok 'the meter stops' end_child meter TERM
finish
