#!/usr/bin/env bash
# Firmware over the air, from an offer to a meter that runs another program: the offer is signed by openssl and lies at the real
# broker, the image comes by HTTPS from a server that drops every connection half-way, the meter verifies, restarts into it, and keeps
# it once a reading was acknowledged. A forged offer, an older one and an image that never gets a reading through change nothing.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${SM_BINARY%/*}
for program in edge-meter edge-meter-next edge-meter-last pzem-sim; do
  [[ -x $BUILD/$program ]] || { fail "there is a program $BUILD/$program"; exit 1; }
done
{
  read -r OPEN_PORT
  read -r IMAGE_PORT
  read -r FALSE_PORT
} < <(free_port 3)

# One more listener, by which this test makes offers, as the server does, and hears reports.
eval "$(declare -f write_broker_conf | sed '1s/write_broker_conf/write_usual_conf/')"
write_broker_conf() {
  write_usual_conf "$@"
  printf '\nlistener %d 127.0.0.1\nallow_anonymous true\n' "$OPEN_PORT" >>"$1/mosquitto.conf"
}
start_broker
start_server
login
api POST /api/devices '{"device_id": "edge-1"}'

mkdir "$TMP/images"
start_child images "$TMP/log/images.log" "$SM_HERE/image_server.py" "$TMP/images" "$IMAGE_PORT" "$TMP/requests" \
  "$DATA/broker/broker.crt" "$DATA/broker/broker.key"
wait_for_port "$IMAGE_PORT" "$WAIT_S" "$(child_pid images)" || { fail 'the image server starts'; exit 1; }
for name in first second stranger; do
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$TMP/$name.key" 2>>"$TMP/log/openssl.log"
  openssl pkey -in "$TMP/$name.key" -pubout -out "$TMP/$name.pem"
done

# A server that has the same images, and a certificate that no authority of the meter's signed.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext 'subjectAltName=DNS:localhost' \
  -keyout "$TMP/false.key" -out "$TMP/false.crt" 2>>"$TMP/log/openssl.log"
start_child 'the false server' "$TMP/log/false.log" "$SM_HERE/image_server.py" "$TMP/images" "$FALSE_PORT" "$TMP/false-requests" \
  "$TMP/false.crt" "$TMP/false.key"
wait_for_port "$FALSE_PORT" "$WAIT_S" "$(child_pid 'the false server')" || { fail 'the false server starts'; exit 1; }

# offer IMAGE VERSION COUNTER KEY [PORT]: signs it and puts it at the meter's command topic.
offer() {
  local name
  name=$(basename -- "$1")
  [[ $1 -ef $TMP/images/$name ]] || cp -- "$1" "$TMP/images/$name"
  python3 - "$TMP/images/$name" "$2" "$3" "https://localhost:${5:-$IMAGE_PORT}/firmware/$name" >"$TMP/manifest" <<'PYTHON'
import hashlib, json, sys, time
image, version, counter, url = sys.argv[1:]
body = open(image, "rb").read()
print(json.dumps({"product": "smartmeter", "hardware": "posix", "version": version, "counter": int(counter), "size": len(body),
                  "sha256": hashlib.sha256(body).hexdigest(), "url": url, "from": 1, "expires": int(time.time()) + 86400,
                  "key": "0123456789abcdef", "cohort": "early"}), end="")
PYTHON
  openssl dgst -sha256 -sign "$TMP/$4.key" -out "$TMP/signature" "$TMP/manifest"
  printf '{"firmware": {"manifest": "%s", "signature": "%s"}}' "$(base64 -w0 "$TMP/manifest")" "$(base64 -w0 "$TMP/signature")" |
    mosquitto_pub -h 127.0.0.1 -p "$OPEN_PORT" -q 1 -r -t meters/edge-1/command -s
}
# What the meter says of itself, as it lies at the broker.
report() { mosquitto_sub -h 127.0.0.1 -p "$OPEN_PORT" -t meters/edge-1/firmware -C 1 -W 2 2>/dev/null || true; }
# says VERSION STATE RESULT [OFFERED]: looked for as the meter writes it; RESULT empty: there is no offer.
says() {
  local offer=', "offer": {"version": "'
  REPORT=$(report)
  if [[ -z $3 ]]; then [[ $REPORT == *"\"version\": \"$1\","*"\"state\": \"$2\"}" ]]; else
    [[ $REPORT == *"\"version\": \"$1\","*"\"state\": \"$2\"$offer$4\","*"\"result\": \"$3\","* ]]
  fi
}
comes_to() {
  local name=$1
  shift
  if wait_until "$name" says "$@"; then pass "$name"; else note "it says $REPORT"; fi
}
stored() {
  api GET "/api/devices/edge-1/readings?from=2020-01-01T00:00:00Z&limit=10000"
  json .readings.#
}
stored_more_than() { (($(stored) > $1)); }
version_of() { "$BUILD/$1" --version | sed 's/^[^ ]* \([^,]*\),.*/\1/'; }

FIRST=$(version_of edge-meter) NEXT=$(version_of edge-meter-next) LAST=$(version_of edge-meter-last)
start_child module "$TMP/log/module.log" "$BUILD/pzem-sim" --link "$TMP/line"
wait_until 'the module is there' test -e "$TMP/line"
start_meter() {
  start_child meter "$TMP/log/meter.log" "$BUILD/edge-meter" --serial "$TMP/line" --flash "$TMP/flash" --ca "$DATA/broker/ca.crt" \
    --firmware-dir "$TMP/firmware" --firmware-key "$TMP/first.pem" --firmware-key "$TMP/second.pem" "$@"
}
# Times are told in whole seconds: every second, a machine that is busy for one would have two in the same.
start_meter --set device_id=edge-1 --set host=127.0.0.1 --set "port=$MQTT_PORT" --set tls=0 --set interval_s=2
comes_to 'it says what it runs' "$FIRST" idle ''

offer "$BUILD/edge-meter-next" "$NEXT" 2 stranger
comes_to 'an offer that somebody else signed is refused' "$FIRST" idle bad_signature "$NEXT"
ok 'and nothing was fetched' test ! -s "$TMP/requests"
offer "$BUILD/edge-meter" 0.0.9 0 first
comes_to 'so is an older one' "$FIRST" idle older 0.0.9

offer "$BUILD/edge-meter-next" "$NEXT" 2 first "$FALSE_PORT"
comes_to 'one from a server that nobody vouches for is taken' "$FIRST" fetching taken "$NEXT"
refused_there() { grep -q '^refused .*UNKNOWN_CA' "$TMP/false-requests"; }
if wait_until 'the meter hangs up on it' refused_there; then pass 'the meter hangs up on it'; fi
like 'says why' "$(<"$TMP/log/meter.log")" 'firmware: SSL'
ok 'and has nothing of it' test "$(grep -c firmware "$TMP/false-requests")" = 0

size=$(stat -c %s "$BUILD/edge-meter-next")
echo $((size * 2 / 3)) >"$TMP/images/limit"
offer "$BUILD/edge-meter-next" "$NEXT" 2 second
comes_to 'a good one, of the second key, runs and is confirmed' "$NEXT" idle confirmed "$NEXT"
is 'it was fetched in two parts, no byte twice' "$(awk '{ sum += $3 } END { print NR, sum }' "$TMP/requests")" "2 $size"
rm -- "$TMP/images/limit"
if wait_until 'and measures' stored_more_than "$(stored)"; then pass 'and measures'; fi

api GET /api/rejects
is 'none was refused' "$(json .rejects.#)" 0

# It starts, and has never the time of day: nothing that it measures can be sent. Its trial's ten minutes pass fast; what it measured
# in them is stamped later as if they had been ten, and may meet what was measured in truth at that time.
now=$(date +%s%3N)
printf '#!/bin/sh\nexec %q "$@" --clock-after 9999999 --time 200@%s@%s\n' "$BUILD/edge-meter-last" "$now" "$now" >"$TMP/images/bad"
offer "$TMP/images/bad" "$LAST" 3 first
comes_to 'one that gets no reading through is rolled back' "$NEXT" idle failed "$LAST"
like 'it was on trial' "$(<"$TMP/log/meter.log")" 'on trial: .*slot1'
is 'and is not fetched again' "$(grep -c bad "$TMP/requests")" 1
if wait_until 'and the old one measures' stored_more_than "$(stored)"; then pass 'and the old one measures'; fi

# An image that does not even start.
printf '#!/bin/sh\nkill -SEGV $$\n' >"$TMP/images/crash"
offer "$TMP/images/crash" "$LAST-2" 3 first
comes_to 'one that crashes is rolled back' "$NEXT" idle failed "$LAST-2"

note 'the power goes'
end_child meter KILL || true
mosquitto_pub -h 127.0.0.1 -p "$OPEN_PORT" -r -n -t meters/edge-1/firmware
before=$(stored)
start_meter
comes_to 'after a power cut the confirmed one runs' "$NEXT" idle failed "$LAST-2"
if wait_until 'and goes on measuring' stored_more_than "$before"; then pass 'and goes on measuring'; fi
ok 'the meter stops' end_child meter TERM
finish
