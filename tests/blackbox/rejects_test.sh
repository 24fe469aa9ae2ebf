#!/usr/bin/env bash
# Bad input: each is refused with its reason, visible at /api/rejects, counted in /metrics, and the stream goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

start_broker
start_server
login
api POST /api/devices '{"device_id": "m1"}'
topic=meters/m1/telemetry
good=$(reading m1 2026-01-29T09:45:00Z 12.345)

published=0
# refused REASON PAYLOAD [TOPIC]: publishes it, and waits until it is refused for that reason.
refused() {
  publish "${3:-$topic}" "$2"
  published=$((published + 1))
  wait_until "refused as $1 ($published)" rejects_are "$published" "$1" || return 0
  pass "refused as $1 ($published)"
}
rejects_are() {
  api GET '/api/rejects?limit=1000' || return 1
  [[ $(json .rejects.#) == "$1" && $(json ".rejects.$(($1 - 1)).reason") == "$2" ]]
}

refused malformed 'not JSON'
refused not_utf8 $'{"device_id": "\xff\xfe"}'
refused too_large "[$(head -c 270000 /dev/zero | tr '\0' ' ')]"
refused nested "$(head -c 100000 /dev/zero | tr '\0' '[')"
refused wrong_type "${good/230.4/{\"v\": 230.4\}}"
refused duplicate_member "${good/\"current\"/\"voltage\"}"
refused malformed "${good/230.4/NaN}"
refused out_of_range "${good/230.4/-230.4}"
refused out_of_range "${good/12.345/-1}"
refused too_old "${good/2026-01-29/1970-01-01}"
refused in_future "${good/2026-01-29/2100-01-01}"
refused device_mismatch "${good/m1/m2}"
refused unknown_device "${good/m1/m2}" meters/m2/telemetry
refused missing "${good/\"energy_kwh\"/\"energy\"}"
refused empty_array '[]'
refused malformed 'maybe' meters/m1/status

publish "$topic" "$good"
wait_until 'the stream goes on' api_has GET '/api/devices/m1/readings?from=2026-01-01T00:00:00Z' 12.345
pass 'the stream goes on'
publish "$topic" "$good"
publish "$topic" "${good/12.345/12.346}"
wait_until 'another reading under the same key is a conflict' rejects_are "$((published + 1))" conflict
is 'and keeps its topic' "$(python3 -c '
import json, sys
print(*(r["topic"] for r in json.load(sys.stdin)["rejects"] if r["reason"] == "conflict"))' <<<"$API_BODY")" "$topic"
api GET '/api/devices/m1/readings?from=2026-01-01T00:00:00Z'
is 'the first one stays' "$(json .readings.#) $(json .readings.0.energy_kwh)" '1 12.345'
is 'the same again is a duplicate' "$(metric smartmeter_readings_duplicate_total)" 1
is 'stored once' "$(metric smartmeter_readings_accepted_total)" 1
for reason in not_utf8:1 too_large:1 nested:1 duplicate_member:1 too_old:1 in_future:1 device_mismatch:1 unknown_device:1 \
  empty_array:1 conflict:1 out_of_range:2 malformed:3; do
  is "${reason%:*} is counted" "$(metric "smartmeter_readings_rejected_total{reason=\"${reason%:*}\"}")" "${reason#*:}"
done

api GET '/api/rejects?limit=1'
is 'a refusal keeps topic and payload' "$(json .rejects.0.topic) $(json .rejects.0.payload)" "$topic not JSON"
next=$(json .next)
ok 'and they are paged' api_has GET "/api/rejects?limit=1&cursor=$next" not_utf8

# An array is judged element by element.
publish "$topic" "[$(reading m1 2026-01-29T10:00:00Z 13), 7, $(reading m1 2026-01-29T10:01:00Z 14)]"
wait_until 'the good elements of an array are stored' api_has GET '/api/devices/m1/readings?from=2026-01-01T00:00:00Z' '"energy_kwh":14'
pass 'the good elements of an array are stored'

# Only the demo registers by itself.
ok 'the server stops' stop_server
start_server SMARTMETER_AUTO_REGISTER=1
publish meters/new-meter/telemetry "$(reading new-meter 2026-01-29T09:45:00Z 1)"
wait_until 'with SMARTMETER_AUTO_REGISTER=1 an unknown meter becomes a device' api_has GET /api/devices new-meter
pass 'with SMARTMETER_AUTO_REGISTER=1 an unknown meter becomes a device'
finish
