#!/usr/bin/env bash
# How meters prove themselves at the bundled broker, over TLS: password, certificate, their own request (CSR), pre-shared key.
# Each may speak for itself and for nobody else, may not answer itself, is cut off when it is revoked, and is given another
# login without a visit.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

CA=$DATA/broker/ca.crt
CERT_DIR=$TMP/out

# mqtt COMMAND METER ARGUMENT...: mosquitto_pub or mosquitto_sub as a meter, by what was noted for it in login_of.
declare -A login_of
mqtt() {
  local command=$1 words
  read -r -a words <<<"${login_of[$2]}"
  shift 2
  "mosquitto_$command" -h localhost "${words[@]}" -q 1 "$@"
}
by_password() { login_of[$1]="-p $MQTTS_PORT --cafile $CA -u $2 -P $3"; }
by_certificate() { login_of[$1]="-p $CERT_PORT --cafile $CA --cert $2 --key $3"; }
by_psk() { login_of[$1]="-p $PSK_PORT --psk-identity $2 --psk $3"; }
may_connect() { mqtt pub "$1" -t "meters/$1/status" -m online 2>>"$TMP/log/pub.log"; }
may_not_connect() { ! may_connect "$1"; }

# What the broker has said from line FROM of its log on.
broker_lines() { wc -l <"$TMP/log/broker.log"; }
since() { tail -n +"$1" "$TMP/log/broker.log"; }
said_since() { since "$1" | grep -qE "$2"; }

# listen METER: stays connected as it, and notes what it hears; heard_pid is the process.
listen() {
  local at words
  read -r -a words <<<"${login_of[$1]}"
  at=$(($(broker_lines) + 1))
  # Not by the function above: its process would be a shell, and what is ended the wrong one.
  mosquitto_sub -h localhost "${words[@]}" -q 1 -t "meters/$1/ack" -t "meters/$1/command" -i "listener-$1" -F '%t %p' >"$TMP/log/heard-$1.log" 2>&1 &
  heard_pid=$!
  wait_until "$1 connects" said_since "$at" "as $1(~2)? \\("
}

# It would connect again by itself, and so take the place of who comes after it.
hang_up() {
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# Another account of the server, so that the real one is left in peace.
as_watcher() {
  local command=$1
  shift
  "mosquitto_$command" -h localhost -p "$MQTTS_PORT" --cafile "$CA" -u smartmeter-server-9 -P watching -q 1 "$@"
}
subscribe() {
  as_watcher sub -t nothing -E
  as_watcher sub -c -i any -t 'meters/#' -E
}
heard() { as_watcher sub -c -i any -t 'meters/#' -C "$1" -W 5 -F '%t %p' 2>"$TMP/log/sub.log" || true; }

printf 'smartmeter-server-9:watching\n' >"$DATA/broker/passwords"
mosquitto_passwd -U "$DATA/broker/passwords"
start_broker
start_server
login

# --- the key of the authority -----------------------------------------------------------------------------------------------

is 'the key is in a folder of its own, for its owner only' "$(stat -c %a "$DATA.ca" "$DATA.ca/ca.key" | tr '\n' ' ')" '700 600 '
ok 'and not in the data folder' test "$(find "$DATA" -name 'ca.key*' | wc -l)" = 0

# --- making -----------------------------------------------------------------------------------------------------------------

api POST /api/devices '{"device_id":"m-pass"}'
is 'the API makes a password' "$API_STATUS $(json .credentials.mqtt.username) $(json .credentials.mqtt.port)" "201 m-pass $MQTTS_PORT"
by_password m-pass m-pass "$(json .credentials.mqtt.password)"

smartmeter device add --id m-cert --certificate --out "$CERT_DIR" >"$TMP/log/add.log"
is 'device add makes a key and a certificate, files for their owner only' \
  "$(cd "$CERT_DIR" && stat -c '%n %a' m-cert.crt m-cert.key ca.crt | tr '\n' ' ')" 'm-cert.crt 600 m-cert.key 600 ca.crt 600 '
is 'of that meter alone' "$(openssl x509 -in "$CERT_DIR/m-cert.crt" -noout -subject)" 'subject=CN = m-cert'
ok 'nothing of the key is printed' test "$(grep -c PRIVATE "$TMP/log/add.log")" = 0
by_certificate m-cert "$CERT_DIR/m-cert.crt" "$CERT_DIR/m-cert.key"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$TMP/own.key" 2>/dev/null
openssl req -new -key "$TMP/own.key" -subj '/CN=smartmeter-server/O=else' -out "$TMP/own.csr"
smartmeter device add --id m-csr --csr "$TMP/own.csr" --out "$CERT_DIR" >/dev/null
is 'a request is signed under the name that we give' "$(openssl x509 -in "$CERT_DIR/m-csr.crt" -noout -subject)" 'subject=CN = m-csr'
by_certificate m-csr "$CERT_DIR/m-csr.crt" "$TMP/own.key"

openssl genrsa -out "$TMP/weak.key" 1024 2>/dev/null
openssl req -new -key "$TMP/weak.key" -subj '/CN=m-weak' -out "$TMP/weak.csr"
if smartmeter device add --id m-weak --csr "$TMP/weak.csr" --out "$CERT_DIR" 2>"$TMP/log/weak.log"; then fail 'a weak key is refused'; else
  like 'a weak key is refused' "$(<"$TMP/log/weak.log")" '2048'
fi

psk=$(smartmeter device add --id m-psk --psk --json)
by_psk m-psk "$(json .credentials.mqtt.identity "$psk")" "$(json .credentials.mqtt.key "$psk")"
like 'device add makes a pre-shared key' "$(json .credentials.mqtt.key "$psk")" '^[0-9a-f]{64}$'

for name in smartmeter-server-9 smartmeter-control; do
  like "no meter may have the server's name $name" \
    "$(smartmeter device add --id "$name" --certificate --out "$CERT_DIR" 2>&1 || true)" 'must not begin'
done

# --- what each may -----------------------------------------------------------------------------------------------------------

for meter in m-pass m-cert m-csr m-psk; do
  subscribe
  for topic in telemetry status firmware ack command; do mqtt pub "$meter" -t "meters/other/$topic" -m forged || true; done
  for topic in ack command; do mqtt pub "$meter" -t "meters/$meter/$topic" -m forged || true; done
  mqtt pub "$meter" -t "meters/$meter/telemetry" -m own
  mqtt pub "$meter" -t "meters/$meter/firmware" -m own
  is "$meter speaks for itself only, and neither ack nor command" "$(heard 2)" \
    "meters/$meter/telemetry own"$'\n'"meters/$meter/firmware own"
  ok "$meter may not listen to others" \
    test "$(mqtt sub "$meter" -t 'meters/#' -t 'meters/other/command' -W 1 -F %t 2>/dev/null | grep -cv "^meters/$meter/")" = 0
done

for meter in m-pass m-cert m-csr m-psk; do
  listen "$meter"
  as_watcher pub -t "meters/$meter/command" -m hello
  wait_until "$meter hears the server" grep -q "^meters/$meter/command hello" "$TMP/log/heard-$meter.log"
  at=$(($(broker_lines) + 1))
  # Another meter says that it is this one: its name in the session is its own all the same.
  for thief in m-pass m-cert m-psk; do
    [[ $thief == "$meter" ]] || mqtt pub "$thief" -i "$meter" -t "meters/$thief/status" -m online
  done
  # mosquitto_sub would connect again by itself, so the broker is asked.
  is "$meter keeps its session from others who say its client id" "$(since "$at" | grep -cE "Client $meter (already|disconnected)")" 0
  hang_up "$heard_pid"
done

# --- revoking ----------------------------------------------------------------------------------------------------------------

# cut_by METER COMMAND...: a live connection ends by COMMAND, and none comes after it, while another's goes on.
cut_by() {
  local meter=$1 live other at
  shift
  listen m-other
  other=$heard_pid
  listen "$meter"
  live=$heard_pid
  at=$(($(broker_lines) + 1))
  "$@" >>"$TMP/log/revoke.log" 2>&1 || fail "revoking $meter" "$(tail -n 3 "$TMP/log/revoke.log")"
  # mosquitto_sub connects again by itself: what counts is that it is not let in.
  ok "$meter cannot come back" may_not_connect "$meter"
  like "$meter's live connection was ended" "$(since "$at")" "Client $meter (already connected, closing|disconnected)"
  hang_up "$live"
  is 'the connections of others stay' "$(since "$at" | grep -E 'Client m-other (already|disconnected)')" ''
  hang_up "$other"
  ok 'and others may still connect' may_connect m-other
}

smartmeter device add --id m-other --certificate --out "$CERT_DIR" >/dev/null
by_certificate m-other "$CERT_DIR/m-other.crt" "$CERT_DIR/m-other.key"
cut_by m-pass smartmeter device revoke --id m-pass
cut_by m-cert smartmeter device revoke --id m-cert
cut_by m-csr api POST /api/devices/m-csr/revoke
is 'the API revokes a certificate without the key' "$API_STATUS $(json .credentials_ended) $(json .certificates_waiting)" '200 1 0'
cut_by m-psk api POST /api/devices/m-psk/revoke
api POST /api/devices/m-psk/credentials '{}' || true
is 'what is revoked gets no other login' "$API_STATUS" 409

# --- rotation ----------------------------------------------------------------------------------------------------------------

api POST /api/devices '{"device_id":"r-pass"}'
by_password r-pass r-pass "$(json .credentials.mqtt.password)"
old=${login_of[r-pass]}
api POST /api/devices/r-pass/credentials '{"grace_days":1}'
is 'another password comes under another name' "$API_STATUS $(json .credentials.mqtt.username)" "201 r-pass~2"
new_login="-p $MQTTS_PORT --cafile $CA -u $(json .credentials.mqtt.username) -P $(json .credentials.mqtt.password)"
ok 'in the time of grace the old one is good' may_connect r-pass
login_of[r-pass]=$new_login
subscribe
mqtt pub r-pass -t meters/other/telemetry -m forged
mqtt pub r-pass -t 'meters/r-pass~2/telemetry' -m forged
mqtt pub r-pass -t meters/r-pass/ack -m forged
mqtt pub r-pass -t meters/r-pass/telemetry -m own
is 'and the new one speaks for the same meter only' "$(heard 1 | tail -n 1)" 'meters/r-pass/telemetry own'
api POST /api/devices/r-pass/credentials '{"finish":true}'
is 'finishing ends the old one' "$API_STATUS $(json .credentials_ended)" '200 1'
ok 'the new one stays' may_connect r-pass
login_of[r-pass]=$old
ok 'and the old one is refused' may_not_connect r-pass

smartmeter device add --id r-cert --certificate --out "$CERT_DIR/1" >/dev/null
smartmeter device rotate --id r-cert --certificate --out "$CERT_DIR/2" >/dev/null
by_certificate r-cert "$CERT_DIR/1/r-cert.crt" "$CERT_DIR/1/r-cert.key"
ok 'in the time of grace the old certificate is good' may_connect r-cert
by_certificate r-cert "$CERT_DIR/2/r-cert.crt" "$CERT_DIR/2/r-cert.key"
ok 'and so is the new one' may_connect r-cert
# The time of grace ends by itself: as if its end had come.
sed -i -E '/^certificate r-cert /s/ [1-9][0-9]* ([0-9]+)$/ 1000 \1/;' "$DATA/broker/credentials"
by_certificate r-cert "$CERT_DIR/1/r-cert.crt" "$CERT_DIR/1/r-cert.key"
wait_until 'the server ends the old certificate after the grace' may_not_connect r-cert && pass 'the server ends the old certificate after the grace'
by_certificate r-cert "$CERT_DIR/2/r-cert.crt" "$CERT_DIR/2/r-cert.key"
ok 'and the new one stays' may_connect r-cert

smartmeter device add --id r-psk --psk --json >"$TMP/psk.json"
by_psk r-psk "$(json .credentials.mqtt.identity "$(<"$TMP/psk.json")")" "$(json .credentials.mqtt.key "$(<"$TMP/psk.json")")"
if smartmeter device rotate --id r-psk --psk --send --host localhost 2>"$TMP/log/send.log"; then fail 'no login is sent where anybody could hear it'; else
  like 'no login is sent where anybody could hear it' "$(<"$TMP/log/send.log")" 'SMARTMETER_MQTT_PORT=0'
fi
listen r-psk
server_command SMARTMETER_MQTT_PORT=0
"${SM_COMMAND[@]}" device rotate --id r-psk --psk --send --host localhost >"$TMP/log/send.log"
wait_until 'the meter is told its new key' grep -q '^meters/r-psk/command {' "$TMP/log/heard-r-psk.log"
told=$(sed -n 's,^meters/r-psk/command ,,p' "$TMP/log/heard-r-psk.log")
hang_up "$heard_pid"
ok 'the key is not on the terminal' test "$(grep -c "$(json .credentials.mqtt.key "$told")" "$TMP/log/send.log")" = 0
by_psk r-psk "$(json .credentials.mqtt.identity "$told")" "$(json .credentials.mqtt.key "$told")"
ok 'and is let in by what it was told' may_connect r-psk

api GET /api/devices/r-cert/credentials
is 'what a meter has is listed, without secrets' "$(json .credentials.# ) $(json .credentials.0.kind)" '1 certificate'
smartmeter device revoke --id r-pass >/dev/null
login_of[r-pass]=$new_login
ok 'revoking ends the other names too' may_not_connect r-pass

# --- the server cannot have the key -------------------------------------------------------------------------------------------

has_meters() { metrics=$(curl -sS "http://127.0.0.1:$METRICS_PORT/metrics") && [[ $metrics == *'{what="meter"}'* ]]; }
wait_until 'the meters are looked at' has_meters
days_left() { echo $((($(metric "smartmeter_certificate_end_timestamp_seconds{what=\"$1\"}") - $(date +%s)) / 86400)); }
like 'what ends is in the metrics' "$(days_left revoked)" '^36[45]$'
like 'that of the meters too' "$(days_left meter)" '^18[0-9][0-9]$'
ok 'the server stops' stop_server

# As if it were told to hand the folder out, or to use the key: it cannot.
if grep -q serve.not_confined "$TMP/log/server.log"; then
  skip 'the server cannot read the key' 'this kernel has no Landlock'
else
  start_server "SMARTMETER_DASHBOARD_DIR=$DATA.ca"
  is 'the server cannot hand the key out' "$(curl -sS "$API/ca.key" | grep -c PRIVATE || true)" 0
  like 'it has no way back' "$(cat "/proc/$(server_pid)/status")" 'NoNewPrivs:[[:space:]]+1'
  api POST /api/devices/m-other/revoke
  is 'and its keeper revokes all the same' "$API_STATUS $(json .certificates_waiting)" '200 0'
  ok 'which holds' may_not_connect m-other
  ok 'the server stops again' stop_server
  launch_server "SMARTMETER_TLS_CERT=$DATA/broker/ca.crt" "SMARTMETER_TLS_KEY=$DATA.ca/ca.key"
  refused() { ! alive "$(server_pid)"; }
  wait_until_true "$WAIT_S" '' refused || true
  ok 'nor use it' refused
  forget_child server 2>/dev/null || true
fi

# --- without the key ----------------------------------------------------------------------------------------------------------

smartmeter device add --id m-late --certificate --out "$CERT_DIR" >/dev/null
by_certificate m-late "$CERT_DIR/m-late.crt" "$CERT_DIR/m-late.key"
mv "$DATA.ca/ca.key" "$TMP/ca.key"
start_server
api POST /api/devices/m-late/revoke
is 'with the key put away a certificate waits to be revoked' "$API_STATUS $(json .certificates_waiting)" '200 1'
ok 'it is said' test -n "$(json .note)"
mv "$TMP/ca.key" "$DATA.ca/ca.key"
smartmeter device crl
ok 'with the key back it is revoked' may_not_connect m-late

# --- what ends ----------------------------------------------------------------------------------------------------------------

openssl req -x509 -new -key "$DATA/broker/broker.key" -days 3 -subj /CN=broker -out "$DATA/broker/broker.crt" 2>/dev/null
like 'the doctor says what ends' "$(smartmeter doctor || true)" 'broker.crt'
ok 'the broker stops' stop_broker
finish
