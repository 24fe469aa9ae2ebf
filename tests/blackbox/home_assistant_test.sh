#!/usr/bin/env bash
# Home Assistant is told of each meter that has said that it is there, in the form that it takes, and of none that is revoked; as what
# it hears it shows nothing old as what is now.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

judge=$SM_HERE/home_assistant.py
start_broker
publish meters/m1/status online -r
publish meters/m2/status offline -r
publish meters/m4/status online -r
start_server
login
for id in m1 m2 m3; do api POST /api/devices "{\"device_id\": \"$id\", \"name\": \"Flat of Asha $id\"}"; done
ok 'without the setting there is no account for it' test ! -e "$DATA/broker/home-assistant.password"
ok 'the server stops' stop_server

# What Home Assistant hears and says, by its own account.
home() {
  "$1" -h 127.0.0.1 -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u smartmeter-home-assistant \
    -P "$(<"$DATA/broker/home-assistant.password")" "${@:2}"
}
# What is retained below the prefix, a line each with its topic.
listen() {
  home mosquitto_sub -t 'homeassistant/device/+/config' -v -W 1 >"$TMP/home" 2>>"$TMP/log/home.log" || true
}
config() { sed -n "s,^homeassistant/device/smartmeter_$1/config ,,p" "$TMP/home" | tail -n 1; }
told_are() { [[ $(metric smartmeter_home_assistant_meters) == "$1" ]]; }

start_server SMARTMETER_HOME_ASSISTANT=homeassistant
login
wait_until 'it is told of the meters that have said something' told_are 2
listen
is 'of these and no others' "$(cut -d' ' -f1 "$TMP/home" | sort | tr '\n' ' ')" \
  'homeassistant/device/smartmeter_m1/config homeassistant/device/smartmeter_m2/config '
is 'in the form that it takes' "$(config m1 | python3 "$judge" check)" good
is 'without names of people' "$(grep -c Asha "$TMP/home" || true)" 0
is 'with the sensors that every meter has' \
  "$(config m1 | python3 -c 'import json, sys; print(*json.load(sys.stdin)["components"])')" 'energy power voltage current'

# A meter with more, as its readings show.
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
full=', "power_factor": 0.98, "frequency_hz": 50.01, "rssi": -60'
publish meters/m1/telemetry "$(reading m1 "$now" 12.345 "$full")"
more() { listen && [[ $(config m1) == *frequency_hz* ]]; }
wait_until 'its sensors are those that its readings have' more
is 'all seven in the form that it takes' "$(config m1 | python3 "$judge" check)" good

# show KEY PAYLOAD: what Home Assistant would set the sensor to; empty: it leaves it.
SM_CONFIG=$(config m1)
export SM_CONFIG
show() { python3 "$judge" render "$1" <<<"$2"; }
old=$(reading m1 2026-01-29T09:45:00Z 11)
fresh=$(reading m1 "$now" 12.345 "$full")
is 'a reading shows its register' "$(show energy "$fresh")" 12.345
is 'and its frequency' "$(show frequency "$fresh")" 50.01
is 'one without it leaves it' "$(show frequency "$(reading m1 "$now" 1)")" ''
is 'an old one is not shown as what is now' "$(show power "$old")" ''
is 'nor is a backlog' "$(show energy "[$old, $old]")" ''
is 'of one that ends now the last' "$(show energy "[$old, $fresh]")" 12.345
is 'what is no reading leaves it' "$(show energy '{"device_id": "m1"}')$(show energy '"x"')$(show energy '[]')" ''

# Home Assistant hears the meters, and cannot speak for one.
home mosquitto_sub -t 'meters/+/status' -C 1 -W 10 >"$TMP/status" || true
is 'it hears the meters' "$(<"$TMP/status")" online
home mosquitto_pub -q 1 -t meters/m3/status -m online
publish meters/m3/status online -r
wait_until 'a meter that comes is told of' told_are 3
pass 'a meter that comes is told of'

api POST /api/devices '{"device_id": "m4"}'
wait_until 'one that came before it was added, when it is' told_are 4
pass 'one that came before it was added, when it is'

messages() { metric smartmeter_home_assistant_messages_total; }
before=$(messages)
home mosquitto_pub -q 1 -t homeassistant/status -m online
more_messages() { [[ $(messages) == $((before + 4)) ]]; }
wait_until 'when it starts it is told of all again' more_messages
pass 'when it starts it is told of all again'

api POST /api/devices/m2/revoke '{}'
is 'a meter is revoked' "$API_STATUS" 200
wait_until 'and taken back' told_are 3
listen
is 'at the broker too' "$(config m2)" ''

# While the server is away another one is revoked, and the broker has kept what was said.
ok 'the server stops again' stop_server
smartmeter device revoke --id m3 >/dev/null
start_server SMARTMETER_HOME_ASSISTANT=homeassistant SMARTMETER_HOME_ASSISTANT_NAMES=1
gone() { listen && [[ -z $(config m3) && $(config m1) == *'Flat of Asha m1'* ]]; }
wait_until 'what is stale is taken back after a start, and names are told if that is wanted' gone
pass 'what is stale is taken back after a start, and names are told if that is wanted'

ok 'the server stops once more' stop_server
password=$(<"$DATA/broker/home-assistant.password")
start_server
ended() { [[ ! -e $DATA/home-assistant ]]; }
wait_until 'without the setting all is taken back' ended
ok 'the server stops at last' stop_server
as_server mosquitto_sub -i smartmeter-server-home -u smartmeter-server-home -t 'homeassistant/#' -v -W 1 >"$TMP/home" 2>/dev/null || true
is 'nothing is left at the broker' "$(<"$TMP/home")" ''
if mosquitto_sub -h 127.0.0.1 -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u smartmeter-home-assistant -P "$password" \
  -t homeassistant/x -W 1 -E >/dev/null 2>&1; then
  fail 'nor its account'
else
  pass 'nor its account'
fi

server_command SMARTMETER_HOME_ASSISTANT=other
status=0
"${SM_COMMAND[@]}" serve >"$TMP/log/bad.log" 2>&1 || status=$?
like 'another prefix would not get through the bundled broker' "$status $(<"$TMP/log/bad.log")" '^1 .*bundled broker'
finish
