#!/usr/bin/env bash
# What meters that send seq are told, over the real broker: contiguous only, once durable, also after a restart; and the
# same over several connections that share the readings.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

start_broker
start_server
login
api POST /api/devices '{"device_id": "m1"}'

# Everybody's acks, one a line with its topic. -d tells when it is subscribed.
stdbuf -oL mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t 'meters/+/ack' -v -d >"$TMP/acks" 2>&1 &
wait_until 'the acks can be heard' grep -q '^Subscribed' "$TMP/acks"

acks_of() { grep "^meters/$1/ack " "$TMP/acks" | sed 's/^[^ ]* //' || true; }
# acked METER COUNT LAST: whether it has had so many, this one last.
acked() { [[ $(acks_of "$1" | wc -l) == "$2" && $(acks_of "$1" | tail -n 1) == "$3" ]]; }

heard=0
# tells NAME METER PAYLOAD EPOCH SEQ: after this reading the meter is told of that.
tells() {
  publish "meters/$2/telemetry" "$3"
  heard=$((heard + 1))
  if wait_until "$1" acked "$2" "$heard" "{\"epoch\":$4,\"seq\":$5}"; then pass "$1"; fi
}
at() { reading "$1" "2026-01-29T09:$2:00Z" "12.$2" ", \"epoch\": 3, \"seq\": $3"; }

tells 'the first reading is settled' m1 "$(at m1 10 7)" 3 7
tells 'behind a gap nothing more is' m1 "$(at m1 12 9)" 3 7
tells 'what closes it settles both' m1 "$(at m1 11 8)" 3 9
tells 'the same again is told again' m1 "$(at m1 11 8)" 3 9
refused=$(at m1 13 10)
tells 'a refused reading of a known meter is settled' m1 "${refused/230.4/9000}" 3 10

# A meter that nobody has added keeps what it has, and so does the server.
publish meters/m2/telemetry "$(at m2 10 1)"
wait_until 'an unknown meter is refused' api_has GET /api/rejects unknown_device
tells 'others are told meanwhile' m1 "$(at m1 14 11)" 3 11
is 'an unknown meter is told nothing' "$(acks_of m2)" ''
api POST /api/devices '{"device_id": "m2"}'
if wait_until 'what it sent before it was added is stored' \
  api_has GET '/api/devices/m2/readings?from=2026-01-01T00:00:00Z' '"energy_kwh":12.1'; then
  pass 'what it sent before it was added is stored'
fi
api GET /api/rejects
unknown() { [[ $API_BODY == *unknown_device* ]]; }
if unknown; then fail 'and is not among the refused any more' "$API_BODY"; else pass 'and is not among the refused any more'; fi

kill_server
start_server
login
tells 'a killed server still knows what is settled' m1 "$(at m1 16 13)" 3 11
tells 'and goes on from there' m1 "$(at m1 15 12)" 3 13
ok 'the server stops' stop_server
start_server
login
tells 'and so does one that was stopped' m1 "$(at m1 17 14)" 3 14
ok 'the server stops' stop_server

# --- three connections ---------------------------------------------------------------------------------------------------

meters=6 each=300
start_server SMARTMETER_MQTT_CONNECTIONS=3
login
connected() { metric "smartmeter_mqtt_connected{connection=\"$1\"}"; }
is 'three connections are ready' "$(connected 1)$(connected 2)$(connected 3)" 111
for ((i = 0; i < meters; i++)); do api POST /api/devices "{\"device_id\": \"s$i\"}"; done

readings_of() {
  python3 - "$1" "$each" <<'PYTHON'
import datetime, sys
start = datetime.datetime(2026, 1, 10, tzinfo=datetime.timezone.utc)
for i in range(int(sys.argv[2])):
    when = (start + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f'{{"device_id": "{sys.argv[1]}", "timestamp": "{when}", "voltage": 230.4, "current": 2.73, "power_w": 628.99, '
          f'"energy_kwh": {1000 + i}, "epoch": 1, "seq": {i}, "seq_first": 0}}')
PYTHON
}
publishers=()
for ((i = 0; i < meters; i++)); do
  readings_of "s$i" | publish_lines "meters/s$i/telemetry" &
  publishers+=("$!")
done
for pid in "${publishers[@]}"; do wait "$pid" || fail 'every publish is acknowledged by the broker'; done

all_stored() {
  local i
  for ((i = 0; i < meters; i++)); do
    api GET "/api/devices/s$i/readings?from=2026-01-01T00:00:00Z&limit=10000" || return 1
    [[ $(json .readings.#) -ge $each ]] || return 1
  done
}
wait_until 'all are stored' all_stored
counts=''
for ((i = 0; i < meters; i++)); do
  api GET "/api/devices/s$i/readings?from=2026-01-01T00:00:00Z&limit=10000"
  counts+="$(json .readings.#) "
done
is 'every one once' "$counts" "$(for ((i = 0; i < meters; i++)); do printf '%s ' "$each"; done)"
is 'and was taken once' "$(metric smartmeter_readings_accepted_total) $(metric smartmeter_readings_duplicate_total)" "$((meters * each)) 0"
# The connections commit beside each other, so the last message need not be the last to be settled; all are in the end.
settled() {
  local i
  for ((i = 0; i < meters; i++)); do
    acks_of "s$i" | grep -qF "{\"epoch\":1,\"seq\":$((each - 1))}" || return 1
  done
}
if wait_until 'every meter is told of all of it' settled; then pass 'every meter is told of all of it'; fi
api GET /api/rejects
is 'none was refused' "$(json .rejects.#)" 1 # m1's own, above

# --- and back to one -----------------------------------------------------------------------------------------------------

# While the server is away each session gets its share; after a start with one connection all of it is stored, the others end.
api POST /api/devices '{"device_id": "later"}'
ok 'the server with three stops' stop_server
readings_of later | sed -n '1,200p' | publish_lines meters/later/telemetry
start_server
login
is 'one connection is ready' "$(connected 1)$(connected 2)$(connected 3)" 1
has_later() { api GET '/api/devices/later/readings?from=2026-01-01T00:00:00Z&limit=10000' && [[ $(json .readings.#) == "$1" ]]; }
if wait_until 'what waited in all sessions is stored' has_later 200; then pass 'what waited in all sessions is stored'; fi
# remembered: how many sessions the server takes to be at the broker, and by which group it shares.
remembered() {
  if on_postgres; then ledger_sql "SELECT count(*) FROM lease WHERE name LIKE 'fleet/mqtt/%'"; else printf '%s' "$(<"$DATA/mqtt-connections")"; fi
}
retired() { [[ $(metric smartmeter_mqtt_retiring) == 0 && $(remembered) == 1 ]]; }
if wait_until 'the other sessions end' retired; then pass 'the other sessions end'; fi
is 'each was retired' "$(grep -c '"mqtt.retired"' "$TMP/log/server.log")" 2
is 'what waited was taken once' "$(metric smartmeter_mqtt_messages_total) $(metric smartmeter_readings_duplicate_total)" '200 0'
# With the shared subscription beside the plain one these would come twice.
readings_of later | sed -n '201,$p' | publish_lines meters/later/telemetry
told_later() { acks_of later | grep -qF "{\"epoch\":1,\"seq\":$((each - 1))}"; }
wait_until 'the meter is told of all of it' told_later
is 'a message comes once' "$(metric smartmeter_mqtt_messages_total) $(metric smartmeter_readings_duplicate_total)" '300 0'
ok 'the one gets all' has_later "$each"
ok 'the server with one stops' stop_server

# --- from one group to another -------------------------------------------------------------------------------------------

start_server SMARTMETER_MQTT_SHARE=a
is 'no other session is known any more' "$(connected 1)$(connected 2)$(metric smartmeter_mqtt_retiring)" 10
ok 'the server in group a stops' stop_server
start_server SMARTMETER_MQTT_SHARE=b
only_b() { if on_postgres; then [[ $(connected 1) == 1 ]]; else [[ $(remembered) == $'1\nb' ]]; fi; }
if wait_until 'the other group is given up' only_b; then pass 'the other group is given up'; fi
tells 'a reading is settled over the new group' m1 "$(at m1 18 15)" 3 15
is 'it came once' "$(metric smartmeter_mqtt_messages_total)" 1
finish
