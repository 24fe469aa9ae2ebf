#!/usr/bin/env bash
# The thread through every layer: a meter publishes, the reading is read back over REST and WebSocket, billed and invoiced.
# alone: it shows the thread through every layer, and nothing else.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

start_broker
start_server
login

ok 'an admin adds a device with its owner' \
  api_is POST /api/devices 201 '{"device_id": "meter-001", "name": "Flat 1A", "owner": "asha@example.org"}'
like 'its MQTT password is shown once' "$(json .credentials.mqtt.password)" '^[a-z2-7]{30,}$'
meter_password=$(json .credentials.mqtt.password)
like 'with the CA that it must trust' "$(json .credentials.ca_pem)" 'BEGIN CERTIFICATE'
ok 'the same device again is a conflict' api_is POST /api/devices 409 '{"device_id": "meter-001"}'
api GET /api/devices
is 'it has not been seen yet' "$(json .devices.0.status)" never

# A month of the contract's example: 350 kWh from register edge to register edge.
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-01T00:00:00+05:30 1000)"
publish meters/meter-001/telemetry "$(reading meter-001 2026-02-01T00:00:00+05:30 1350)"
wait_until 'both readings are stored' api_has GET '/api/devices/meter-001/readings?from=2026-01-01T00:00:00%2B05:30&to=2026-03-01T00:00:00Z' 1350
is 'they come in order' "$(json .readings.0.energy_kwh) $(json .readings.#)" '1000 2'
is 'as telemetry objects' "$(json .readings.0.voltage) $(json .readings.0.power_w) $(json .readings.0.device_id)" '230.4 628.99 meter-001'
ok 'a plus in a time is taken as it stands' api_has GET '/api/devices/meter-001/readings?from=2026-01-01T00:00:00+05:30&to=2026-03-01T00:00:00Z' 1350

api GET '/api/billing/meter-001?month=2026-01'
is 'the bill adds up to the contract'\''s example' "$(json .consumption_kwh) $(json .subtotal) $(json .tax) $(json .total) $(json .currency)" \
  '350 1600.00 288.00 1888.00 INR'
is 'its energy is billed by slabs' "$(json .lines.0.amount) $(json .lines.1.amount) $(json .lines.2.amount)" '350.00 900.00 300.00'
ok 'a future month is malformed' api_is GET '/api/billing/meter-001?month=2199-01' 400

# The owner sees what is theirs.
printf 'a long enough password' | smartmeter user add --email asha@example.org --role consumer --password-stdin >"$TMP/log/user.log"
printf 'another long password' | smartmeter user add --email ravi@example.org --role consumer --password-stdin >>"$TMP/log/user.log"
login asha@example.org 'a long enough password'
owner_token=$TOKEN
ok 'the owner reads the bill' api_has GET '/api/billing/meter-001?month=2026-01' '"total":"1888.00"'
ok 'the owner may not add devices' api_is POST /api/devices 403 '{"device_id": "x"}'
login ravi@example.org 'another long password'
api GET /api/devices
is 'somebody else sees no devices' "$(json .devices.#)" 0
ok 'and the meter is not there for them' api_is GET '/api/devices/meter-001/readings' 404
absent=$API_BODY
api GET /api/devices/meter-999/readings || true
is 'which reads like one that does not exist' "${API_BODY//meter-999/}" "${absent//meter-001/}"
ok 'nor its bill' api_is GET '/api/billing/meter-001?month=2026-01' 404

# Live: the last reading first, then the one that is published, once.
TOKEN=$owner_token
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
: >"$TMP/live.txt"
"$SM_HERE/websocket.py" "$HTTP_PORT" /api/live "$(json_object token "$owner_token" devices '*')" 3 >"$TMP/live.txt" 2>"$TMP/log/live.log" &
live_pid=$!
live_lines() { [[ $(wc -l <"$TMP/live.txt") -ge $1 ]]; }
wait_until 'the live stream is ready' live_lines 2
publish meters/meter-001/telemetry "$(reading meter-001 "$now" 1351.5)"
wait "$live_pid" || fail 'the live stream goes on' "$(cat "$TMP/log/live.log")"
is 'the stream says that it is ready' "$(sed -n 1p "$TMP/live.txt")" '{"type":"ready"}'
is 'then the last reading' "$(json .reading.energy_kwh "$(sed -n 2p "$TMP/live.txt")")" 1350
is 'then the new one' "$(json .reading.energy_kwh "$(sed -n 3p "$TMP/live.txt")")" 1351.5
is 'numbered on' "$(($(json .n "$(sed -n 3p "$TMP/live.txt")") - $(json .n "$(sed -n 2p "$TMP/live.txt")")))" 1
is 'a bad token is closed with 4401' "$("$SM_HERE/websocket.py" "$HTTP_PORT" /api/live '{"token":"x","devices":"*"}' 9)" 'close 4401'
is 'a foreign device is closed with 4404' \
  "$("$SM_HERE/websocket.py" "$HTTP_PORT" /api/live "$(printf '{"token":"%s","devices":["meter-999"]}' "$owner_token")" 9)" 'close 4404'
api GET /api/devices
is 'the meter is online now' "$(json .devices.0.status)" online

# The meter itself, over TLS with its own password, and nobody else's topic.
as_meter() {
  mosquitto_pub -h 127.0.0.1 -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u meter-001 -P "$meter_password" -q 1 "$@"
}
ok 'the meter publishes over TLS' as_meter -t meters/meter-001/telemetry -m "$(reading meter-001 "$(date -u +%Y-%m-%dT%H:%M:%SZ -d '+2 seconds')" 1352)"
wait_until 'which is stored' api_has GET /api/devices/meter-001/readings 1352
as_meter -t meters/meter-002/telemetry -m "$(reading meter-002 "$now" 1)" || true
as_meter -t meters/meter-001/telemetry -m "$(reading meter-001 "$(date -u +%Y-%m-%dT%H:%M:%SZ -d '+3 seconds')" 1353)"
wait_until 'what follows a foreign topic is stored' api_has GET /api/devices/meter-001/readings 1353
login
api GET /api/rejects
is 'and the foreign one never arrived' "$(json .rejects.#)" 0

# Invoices, once, however often.
is 'a month is invoiced' "$(smartmeter bill --month 2026-01 | tail -n 1)" '2026-01: 1 issued, 0 already issued, 0 skipped, 0 failed'
is 'and never twice' "$(smartmeter bill --month 2026-01 | tail -n 1)" '2026-01: 0 issued, 1 already issued, 0 skipped, 0 failed'
api GET /api/invoices/meter-001
number=$(json .invoices.0.number)
is 'with the bill'\''s total' "$(json .invoices.#) $(json .invoices.0.total) $(json .invoices.0.month) $(json .invoices.0.status)" '1 1888.00 2026-01 issued'
like 'and a number of its financial year' "$number" '^SM[0-9]{4}-000001$'
ok 'the bill names its invoice' api_has GET '/api/billing/meter-001?month=2026-01' "$number"
ok 'the invoice is there by its number' api_has GET "/api/invoices/meter-001/$number" 1888.00

# A tariff is a version, never an edit.
tariff='{"name": "LT-1 Domestic", "effective_from": "2026-03-01", "slabs": [{"up_to_kwh": null, "rate": "5.00"}], "fixed_charge": "60.00", "taxes": []}'
ok 'a tariff adds a version' api_is POST /api/tariffs 201 "$tariff"
is 'which is the second' "$(json .version)" 2
ok 'a wrong one is refused by its field' api_is POST /api/tariffs 422 "${tariff/5.00/5,00}"
is 'named with its path' "$(json .errors.0.field)" 'slabs[0].rate'
ok 'one that would touch an issued month is a conflict' api_is POST /api/tariffs 409 "${tariff/2026-03-01/2026-01-15}"

like 'the audit log is whole' "$(smartmeter audit verify)" 'entries are as they were written'
ok 'the server stops cleanly' stop_server
start_server
TOKEN=$owner_token
ok 'and everything is there again' api_has GET '/api/billing/meter-001?month=2026-01' "$number"
finish
