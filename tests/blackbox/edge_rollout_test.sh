#!/usr/bin/env bash
# Both ends of an update: the operator signs and publishes on the command line, the server offers and serves the image, edge-meter
# takes it, runs it and is confirmed, and the server says so. The server is killed while the meter fetches.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
for program in edge-meter edge-meter-next pzem-sim; do
  [[ -x $BUILD/$program ]] || { fail "there is a program $BUILD/$program"; exit 1; }
done
version_of() { "$BUILD/$1" --version | sed 's/^[^ ]* \([^,]*\),.*/\1/'; }
FIRST=$(version_of edge-meter) NEXT=$(version_of edge-meter-next)
firmware() {
  server_command "SMARTMETER_FIRMWARE_KEYS=$TMP/key.pem.pub"
  "${SM_COMMAND[@]}" firmware "$@" >>"$TMP/log/firmware.log" 2>&1
}
device() { api GET /api/devices/edge-1 && json ".firmware.$1"; }
device_is() { [[ $(device "$1") == "$2" ]]; }
confirmed() { api GET /api/firmware && [[ $(json .releases.0.meters.confirmed) == 1 ]]; }
stored_more_than() { api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000" && (($(json .readings.#) > $1)); }

start_broker
start_server
login
api POST /api/devices '{"device_id": "edge-1"}'
firmware keygen --out "$TMP/key.pem"
start_child module "$TMP/log/module.log" "$BUILD/pzem-sim" --link "$TMP/line"
wait_until 'the module is there' test -e "$TMP/line" || exit 1
start_child meter "$TMP/log/meter.log" "$BUILD/edge-meter" --serial "$TMP/line" --flash "$TMP/flash" --firmware-dir "$TMP/firmware" \
  --firmware-key "$TMP/key.pem.pub" --set device_id=edge-1 --set host=127.0.0.1 --set "port=$MQTT_PORT" --set tls=0 --set interval_s=1
if wait_until 'the server knows what the meter runs' device_is version "$FIRST"; then pass 'the server knows what the meter runs'; fi

ok 'a release is signed' firmware sign "$BUILD/edge-meter-next" --key "$TMP/key.pem" --product smartmeter --hardware posix --version "$NEXT" \
  --counter 2 --from 1 --expires 2099-01-01 --url-base "$API" --out "$TMP/release"
ok 'and published' firmware publish "$TMP/release" --stages 100 --hold 0
if wait_until 'the meter has taken it' device_is offer.version "$NEXT"; then pass 'the meter has taken it'; fi
kill_server
start_server
login
if wait_until 'it runs the new version' device_is version "$NEXT"; then pass 'it runs the new version'; fi
if wait_until 'and is confirmed' confirmed; then pass 'and is confirmed'; fi
is 'as the meter says itself' "$(device offer.result)" confirmed
stored_more_than -1
readings=$(json .readings.#)
if wait_until 'it goes on measuring' stored_more_than "$readings"; then pass 'it goes on measuring'; fi
api GET '/api/rejects'
is 'nothing that it said was refused' "$(json .rejects.#)" 0
finish
