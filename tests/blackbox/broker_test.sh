#!/usr/bin/env bash
# The bundled broker: who may say and hear what on which listener, what is too large, and what a kill leaves.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# subscribe FILTER: a new session of the server's, which keeps what comes from here on.
subscribe() {
  as_server mosquitto_sub -t nothing -E
  as_server mosquitto_sub -c -i any -q 1 -t "$1" -E
}
# heard N [FORMAT]: the first N messages that the session has kept, or those that are there.
heard() { as_server mosquitto_sub -c -i any -q 1 -t 'meters/#' -C "$1" -W 5 -F "${2:-%t %p}" 2>"$TMP/log/sub.log" || true; }
# as_meter USER PASSWORD TOPIC PAYLOAD
as_meter() {
  mosquitto_pub -h localhost -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u "$1" -P "$2" -q 1 -t "$3" -m "$4" 2>"$TMP/log/pub.log"
}

start_broker
is 'the pid file has the broker'\''s process' "$(cat "$DATA/broker/mosquitto.pid")" "$(broker_pid)"
is 'the folder and its secrets are for their owner only' \
  "$(stat -c %a "$DATA/broker" "$DATA/broker/"{broker.key,server.password,passwords} "$DATA.ca/ca.key" | tr '\n' ' ')" '700 600 600 600 600 '

# Each forbidden message is sent before one that is allowed: if it came through, it would come first.
subscribe 'meters/#'
publish meters/m1/ack forged
publish meters/m1/command forged
publish elsewhere forged
publish meters/m1/telemetry first
publish meters/m1/status second -u somebody
is 'the plain listener takes telemetry and status, and nothing else' "$(heard 2)" $'meters/m1/telemetry first\nmeters/m1/status second'

plain() { mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -c -i listener -q 1 "$@"; }
plain -t 'meters/#' -E
publish meters/m1/telemetry private
as_server mosquitto_pub -q 1 -t meters/m1/ack -m acknowledged
as_server mosquitto_pub -q 1 -t meters/m1/command -m commanded
is 'who listens there hears acknowledgements and commands only' "$(plain -t 'meters/#' -C 2 -W 5 -F '%t %p')" \
  $'meters/m1/ack acknowledged\nmeters/m1/command commanded'

anonymous_tls() { mosquitto_pub -h localhost -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -q 1 -t meters/m1/telemetry -m x; }
is 'the TLS listener takes nobody without a password' "$(anonymous_tls 2>&1 | head -n 1)" 'Connection error: Connection Refused: not authorised.'
ok 'nor a wrong one' test "$(as_meter smartmeter-server wrong meters/m1/ack x && echo in)" = ''

# Meters that are added while the broker runs.
printf 'm1:one\nm2:two\n' >"$TMP/added"
mosquitto_passwd -U "$TMP/added"
cat "$TMP/added" >>"$DATA/broker/passwords"
kill -HUP "$(broker_pid)"
wait_until 'the passwords are read again' as_meter m2 two meters/m2/status online
pass 'the passwords are read again'
subscribe 'meters/#'
as_meter m1 one meters/m2/telemetry foreign
as_meter m1 one meters/m1/ack forged
as_meter m1 one meters/m1/command forged
as_meter m1 one meters/m1/telemetry own
is 'a meter speaks for itself only' "$(heard 1)" 'meters/m1/telemetry own'

# The server refuses from 256 KiB on and says so; what is absurd does not get that far.
subscribe 'meters/#'
for size in 600000 300000; do
  head -c "$size" /dev/zero | tr '\0' x >"$TMP/large"
  mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t meters/m1/telemetry -f "$TMP/large"
done
is '300 kB pass to the server, 600 kB are acknowledged and dropped' "$(heard 1 %l)" 300000

subscribe "\$share/servers/meters/+/telemetry"
publish meters/m1/telemetry shared
is 'the server may share its subscription' "$(heard 1)" 'meters/m1/telemetry shared'

# More than Mosquitto's stock settings keep for a session that is away, over a killed broker.
count=2000
subscribe 'meters/+/telemetry'
seq 1 "$count" | publish_lines meters/m1/telemetry
# It acknowledges before it writes, so this kill comes after a write; what a meter without `seq` can lose is what came since.
database() { stat -c '%i %y' "$DATA/broker/persistence/mosquitto.db" 2>/dev/null || true; }
before=$(database)
kill -USR1 "$(broker_pid)"
written() { [[ $(database) != "$before" ]]; }
wait_until 'the broker writes its state' written
kill_broker
start_broker
seq "$((count + 1))" "$((count + 100))" | publish_lines meters/m1/telemetry
is "a killed broker has kept all $count for the server, and takes more for it" \
  "$(heard $((count + 100)) %p | md5sum)" "$(seq 1 $((count + 100)) | md5sum)"

# Why a server that is alone does not share (docs/brokers.md).
shared="\$share/servers/meters/+/telemetry"
subscribe "$shared"
stop_broker
start_broker
publish meters/m1/telemetry forgotten
as_server mosquitto_sub -c -i any -q 1 -t "$shared" -E
publish meters/m1/telemetry shared
is 'a shared subscription is forgotten when the broker starts anew' "$(heard 1)" 'meters/m1/telemetry shared'
ok 'the broker stops' stop_broker
finish
