#!/usr/bin/env bash
# Meters of others: recorded payloads of Tasmota, ESPHome's topics, and JSON by pointers over the real broker: each lands exactly, once, at
# the right time; and what cannot is refused for its reason.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cat >"$TMP/mappings.json" <<'JSON'
{"mappings": [
  {"form": "tasmota", "topic": "tele/+/SENSOR", "zone": "Europe/Berlin"},
  {"form": "tasmota", "topic": "tele/dual/SENSOR", "device_id": "line-1", "zone": "UTC", "phase": 1},
  {"form": "tasmota", "topic": "tele/dual/SENSOR", "device_id": "line-2", "zone": "UTC", "phase": 2},
  {"form": "esphome", "topic": "esphome/+", "interval_s": 600,
   "sensors": {"energy": "total_energy", "power": "power", "voltage": "voltage", "current": "current", "power_factor": "pf"}},
  {"form": "json", "topic": "other/+/data", "time": {"pointer": "/t", "as": "unix_s"},
   "fields": {"energy": {"pointer": "/wh", "unit": "Wh"}, "power": {"pointer": "/kw", "unit": "kW"}, "voltage": {"fixed": "230"},
              "current": "/i/0"}}
]}
JSON
plug='{"Time":"2023-05-19T20:52:56","ENERGY":{"TotalStartTime":"2022-03-20T15:20:48","Total":514.153,"Yesterday":1.495,"Today":0.537,"Period":0,"Power":56,"ApparentPower":92,"ReactivePower":73,"Factor":0.61,"Voltage":234,"Current":0.392}}'
dual='{"Time":"2025-09-18T11:19:21","ENERGY":{"TotalStartTime":"2025-09-16T00:00:00","Total":[2.813,0.254],"Yesterday":[1.530,0.125],"Today":[0.772,0.059],"Power":[52,5],"ApparentPower":[66,10],"ReactivePower":[40,9],"Factor":[0.79,0.50],"Voltage":235,"Current":[0.278,0.044],"BL09XX":{"Temperature":46.5}}}'

# --- a file that cannot be used ------------------------------------------------------------------------------------------

printf '{"mappings": [{"form": "tasmota", "topic": "tele/+/SENSOR", "zone": "Mars"}, {"form": "esphome", "topic": "a/+"}]}' >"$TMP/bad.json"
start_broker
server_command "SMARTMETER_MAPPINGS=$TMP/bad.json"
status=0
"${SM_COMMAND[@]}" serve >"$TMP/log/bad.log" 2>&1 || status=$?
is 'a bad file ends the start' "$status" 1
like 'which names what is wrong' "$(<"$TMP/log/bad.log")" 'mappings\[0\]\.zone'
like 'all of it at once' "$(<"$TMP/log/bad.log")" 'mappings\[1\]\.sensors'

# --- Tasmota -------------------------------------------------------------------------------------------------------------

# Retained before anybody listens, as ESPHome does: nobody knows when it was said.
publish esphome/shed/sensor/total_energy/state 41.5 -r
publish esphome/shed/sensor/power/state 100 -r

# The broker lets a server's new account in when it has read its files.
start_server "SMARTMETER_MAPPINGS=$TMP/mappings.json"
login
for id in plug line-1 line-2 shed cellar; do api POST /api/devices "{\"device_id\": \"$id\"}"; done
heard() { [[ $(metric "smartmeter_mapped_connected{times=\"$1\"}") == 1 ]]; }
wait_until 'the connections are subscribed' heard device
wait_until 'both of them' heard receipt

readings_of() { api GET "/api/devices/$1/readings?from=2020-01-01T00:00:00Z"; }
has_readings() { readings_of "$1" && [[ $(json .readings.#) == "$2" ]]; }
stored() { metric smartmeter_readings_accepted_total; }

publish tele/plug/SENSOR "$plug"
wait_until 'a Tasmota reading is stored' has_readings plug 1
is 'at the instant that its clock meant' "$(json .readings.0.timestamp)" 2023-05-19T18:52:56Z
is 'with its values' \
  "$(json .readings.0.energy_kwh) $(json .readings.0.power_w) $(json .readings.0.voltage) $(json .readings.0.current) $(json .readings.0.power_factor)" \
  '514.153 56 234 0.392 0.61'
publish tele/plug/SENSOR "$plug"
publish tele/plug/SENSOR "$plug" -r
publish tele/plug/SENSOR "${plug/514.153/514.154}"
wait_until 'another one of the same second is a conflict' api_has GET /api/rejects conflict
is 'told with the topic that it came by' "$(json .rejects.0.topic)" tele/plug/SENSOR
is 'the same again is a duplicate' "$(metric smartmeter_readings_duplicate_total)" 2
is 'and stored once' "$(stored)" 1

publish tele/dual/SENSOR "$dual"
wait_until 'two lines of one device are two meters' has_readings line-2 1
is 'the second' "$(json .readings.0.energy_kwh) $(json .readings.0.power_w) $(json .readings.0.current) $(json .readings.0.timestamp)" \
  '0.254 5 0.044 2025-09-18T11:19:21Z'
readings_of line-1
is 'and the first' "$(json .readings.#) $(json .readings.0.energy_kwh) $(json .readings.0.voltage)" '1 2.813 235'

# refused REASON DETAIL TOPIC PAYLOAD
count=1
refused() {
  publish "$3" "$4"
  count=$((count + 1))
  if wait_until "refused as $1: $2" rejects_are "$1" "$2"; then pass "refused as $1: $2"; fi
}
rejects_are() {
  api GET '/api/rejects?limit=1000' || return 1
  [[ $(json .rejects.#) == "$count" && $(json ".rejects.$((count - 1)).reason") == "$1" &&
    $(json ".rejects.$((count - 1)).detail") == *"$2"* ]]
}
refused malformed 'not JSON' tele/plug/SENSOR '{"Time":'
refused missing 'voltage: nothing stands at /ENERGY/Voltage' tele/plug/SENSOR "${plug/\"Voltage\":234,/}"
refused too_old 2020 tele/plug/SENSOR "${plug/2023-05-19T20:52:56/1970-01-01T00:00:12}"
refused bad_timestamp 'put forward over it' tele/plug/SENSOR "${plug/2023-05-19T20:52:56/2025-03-30T02:30:00}"
refused bad_timestamp 'stands twice' tele/plug/SENSOR "${plug/2023-05-19T20:52:56/2025-10-26T02:30:00}"
refused out_of_range power_w tele/plug/SENSOR "${plug/\"Power\":56/\"Power\":-56}"
refused bad_topic 'A-Z' tele/my.plug/SENSOR "$plug"
refused unknown_device 'once it is added' tele/new-plug/SENSOR "$plug"
publish tele/thermometer/SENSOR '{"Time":"2023-05-19T20:52:56","AM2301":{"Temperature":21.4}}'
other_is() { [[ $(metric smartmeter_mapped_other_total) == "$1" ]]; }
wait_until 'a thermometer on the same topic' other_is 1
pass 'a thermometer on the same topic is no refused meter'
api POST /api/devices '{"device_id": "new-plug"}'
if wait_until 'what came before its meter was added is stored then' has_readings new-plug 1; then
  is 'what came before its meter was added is stored then' "$(json .readings.0.timestamp) $(json .readings.0.energy_kwh)" \
    '2023-05-19T18:52:56Z 514.153'
fi

# --- ESPHome -------------------------------------------------------------------------------------------------------------

retained_are() { [[ $(metric smartmeter_mapped_retained_total) == "$1" ]]; }
wait_until 'what is retained of ESPHome has come' retained_are 2
is 'and is no reading' "$(readings_of shed && json .readings.#)" 0
before=$(date +%s)
publish esphome/shed/sensor/total_energy/state 41.6789
publish esphome/shed/sensor/voltage/state 229.9
publish esphome/shed/sensor/current/state 0.51
publish esphome/shed/sensor/pf/state nan
publish esphome/shed/sensor/power/state 105.2
wait_until 'five topics are one reading' has_readings shed 1
is 'with the values of all' \
  "$(json .readings.0.energy_kwh) $(json .readings.0.power_w) $(json .readings.0.voltage) $(json .readings.0.current) $(json .readings.0.power_factor)" \
  '41.679 105.2 229.9 0.51 '
seconds=$(date -d "$(json .readings.0.timestamp)" +%s)
ok 'at the time that it came' test "$seconds" -ge "$((before - 1))" -a "$seconds" -le "$(date +%s)"
publish esphome/shed/sensor/total_energy/state 41.6789
thinned_is() { [[ $(metric smartmeter_mapped_thinned_total) -ge $1 ]]; }
wait_until 'the same once more, at once' thinned_is 1
is 'is no second reading' "$(readings_of shed && json .readings.#)" 1

# --- away ----------------------------------------------------------------------------------------------------------------

stored_before=$(stored)
ok 'the server stops' stop_server
publish other/cellar/data '{"t": 1767607200, "wh": "123456.5", "kw": 1.5, "i": [6.52, 1]}'
publish esphome/shed/sensor/total_energy/state 42 -r
start_server "SMARTMETER_MAPPINGS=$TMP/mappings.json"
login
wait_until 'what has a time waits at the broker' has_readings cellar 1
is 'and is stored as of then' "$(json .readings.0.timestamp) $(json .readings.0.energy_kwh) $(json .readings.0.power_w) $(json .readings.0.current)" \
  '2026-01-05T10:00:00Z 123.457 1500 6.52'
wait_until 'what has none is not late' retained_are 2
is 'nor stored' "$(readings_of shed && json .readings.#)" 1
is 'the sum is right' "$((stored_before + 1)) $(stored)" "6 1"

# --- accounts ------------------------------------------------------------------------------------------------------------

api POST /api/devices '{"device_id": "own-plug"}'
password=$(json .credentials.mqtt.password)
as_device() {
  mosquitto_pub -h 127.0.0.1 -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u own-plug -P "$password" -q 1 "$@"
}
api POST /api/devices '{"device_id": "victim"}'
as_device -t tele/victim/SENSOR -m "$plug"
as_device -t tele/own-plug/SENSOR -m "$plug"
wait_until 'a device with a login is heard' has_readings own-plug 1
is 'and only as itself' "$(readings_of victim && json .readings.#)" 0

# --- off -----------------------------------------------------------------------------------------------------------------

ok 'the server stops again' stop_server
start_server
retired() { grep -q 'mqtt.retired' "$TMP/log/server.log"; }
wait_until 'without mappings the session at the broker is ended' retired
pass 'without mappings the session at the broker is ended'
ok 'and nothing is left to remember' test ! -e "$DATA/mappings.session"
finish
