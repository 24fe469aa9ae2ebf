#!/usr/bin/env bash
# Firmware from the operator's key to meters that run it, over the real broker: signed, published, stage by stage, halted by
# failures, over a killed server; and what must not be taken.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

KEYS=$TMP/keys.pem
SIM=$TMP/sim
mkdir "$SIM"
echo good >"$SIM/behaviour"

# firmware ARGUMENT...: the command, as the operator has it set up. Its words are in OUT, its status in STATUS.
firmware() {
  STATUS=0
  server_command "SMARTMETER_FIRMWARE_KEYS=$KEYS"
  OUT=$("${SM_COMMAND[@]}" firmware "$@" 2>&1) || STATUS=$?
}
# sign VERSION COUNTER [KEY [ARGUMENT...]]: a release in the folder of that name.
sign() {
  head -c 9000 /dev/urandom >"$TMP/image"
  firmware sign "$TMP/image" --key "${3:-$TMP/op.pem}" --product smartmeter --hardware sim --version "$1" --counter "$2" --from 1 \
    --expires 2099-01-01 --url-base "$API" --out "$TMP/$1" "${@:4}"
}
# release NO MEMBER: of GET /api/firmware.
release() { api GET /api/firmware && json ".releases.$(($1 - 1)).$2"; }
release_is() { [[ $(release "$1" "$2") == "$3" ]]; }
# offers: how many the broker holds now.
offers() {
  { timeout 3 mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -t 'meters/+/command' -W 1 -F "%t" 2>/dev/null || true; } | wc -l
}
no_offers() { [[ $(offers) == 0 ]]; }

# --- signing, without a server ---------------------------------------------------------------------------------------------

firmware keygen --out "$TMP/op.pem"
is 'a key is made' "$STATUS" 0
is 'its private part is for the owner alone' "$(stat -c %a "$TMP/op.pem")" 600
like 'openssl knows it' "$(openssl ec -in "$TMP/op.pem" -noout -text 2>&1)" 'prime256v1'
wanted=$(openssl pkey -pubin -in "$TMP/op.pem.pub" -outform DER | sha256sum | cut -c 1-16)
like 'its id is of its public part' "$OUT" "key $wanted"
firmware keygen --out "$TMP/op.pem"
is 'a key is never written over' "$STATUS" 1
firmware keygen --out "$TMP/other.pem" --json
like 'as JSON' "$OUT" '^\{"key":"[0-9a-f]{16}"\}$'
cp "$TMP/op.pem.pub" "$KEYS"
cp "$TMP/op.pem.pub" "$SIM/key.pub"
sign 1.1.0 2
is 'a release is signed' "$STATUS" 0
like 'openssl verifies it' "$(openssl dgst -sha256 -verify "$KEYS" -signature "$TMP/1.1.0/manifest.sig" "$TMP/1.1.0/manifest.json")" 'Verified OK'
ok 'no data folder was needed' test ! -e "$DATA/ledger.db"
sign 1.1.0 2
is 'a release is not written over' "$STATUS" 1
firmware sign "$TMP/image" --key "$TMP/op.pem" --out "$TMP/x"
is 'what is missing is misuse' "$STATUS" 2
firmware sign "$TMP/image" --key "$TMP/op.pem" --product p --hardware h --version 1 --counter 1 --from 0 --expires 2020-01-01 \
  --url-base "$API" --out "$TMP/x"
is 'an expiry that is past is misuse' "$STATUS" 2
for verb in keygen sign publish list halt resume; do
  firmware "$verb" --help
  is "$verb --help" "$STATUS" 0
done
firmware publish "$TMP/1.1.0"
is 'without data nothing is published' "$STATUS" 1

# --- the fleet ---------------------------------------------------------------------------------------------------------------

METERS=()
for i in 01 02 03 04 05 06 07 08 09 10 11 12; do METERS+=("m$i"); done
start_broker
start_server SMARTMETER_AUTO_REGISTER=1
login
for meter in "${METERS[@]}"; do publish "meters/$meter/telemetry" "$(reading "$meter" 2026-01-29T09:45:00Z 1)"; done
for meter in "${METERS[@]}"; do wait_until "$meter is there" api_is GET "/api/devices/$meter" 200 || exit 1; done
/usr/bin/python3 "$SM_HERE/firmware_meters.py" "$MQTT_PORT" "$SIM" "${METERS[@]}" >"$TMP/log/meters.log" 2>&1 &
for meter in "${METERS[@]}"; do
  wait_until "$meter says what it runs" api_has GET "/api/devices/$meter" '"version":"1.0.0"' || exit 1
done
api GET /api/devices/m01
is 'a device shows its firmware' "$(json .firmware.hardware) $(json .firmware.state) $(json .cohort)" 'sim idle all'

# --- what must not be published --------------------------------------------------------------------------------------------

server_command
OUT=$("${SM_COMMAND[@]}" firmware publish "$TMP/1.1.0" 2>&1) && STATUS=0 || STATUS=$?
is 'without keys nothing is published' "$STATUS" 1
like 'which says what to set' "$OUT" SMARTMETER_FIRMWARE_KEYS
sign 6.6.6 6 "$TMP/other.pem"
firmware publish "$TMP/6.6.6"
is 'another key is refused' "$STATUS" 1
like 'by its name' "$OUT" 'is not signed by a key'
cp -r "$TMP/1.1.0" "$TMP/spoilt"
printf x | dd of="$TMP/spoilt/firmware.bin" bs=1 seek=5000 conv=notrunc 2>/dev/null
firmware publish "$TMP/spoilt"
like 'an image that was changed is refused' "$STATUS $OUT" '^1 .*SHA-256 differs'
sed -i 's/"counter":2/"counter":9/' "$TMP/spoilt/manifest.json"
firmware publish "$TMP/spoilt"
like 'a manifest that was changed is refused' "$STATUS $OUT" '^1 .*is not signed'
echo '{"product":"smartmeter"}' >"$TMP/spoilt/manifest.json"
firmware publish "$TMP/spoilt"
like 'a manifest that is none is refused' "$STATUS $OUT" '^1 .*hardware must be'
firmware publish "$TMP/1.1.0" --stages 10,5
is 'stages that fall are misuse' "$STATUS" 2
sign 1.1.0p 2 "$TMP/op.pem" --cohort pilots
firmware publish "$TMP/1.1.0p" --cohort all
like 'what is signed for one cohort goes to no other' "$STATUS $OUT" '^1 .*signed for the cohort pilots'
api GET /api/firmware
is 'nothing of it is there' "$(json .releases.#)" 0

# --- out, stage by stage ---------------------------------------------------------------------------------------------------

firmware publish "$TMP/1.1.0" --stages 10,50,100 --hold 0 --json
is 'a release is published' "$STATUS $(json .no "$OUT") $(json .percent "$OUT")" '0 1 10'
wait_until 'all meters run it' release_is 1 meters.confirmed 12 || exit 1
pass 'all meters run it'
is 'it is in its last stage' "$(release 1 stage_percent)" 100
is 'each took it once' "$(grep -c 'taken 1.1.0' "$SIM/log")" 12
api GET '/api/firmware/1/devices?limit=1000'
is 'the first stage had one or two' "$(python3 -c 'import json,sys; d=json.load(sys.stdin)["devices"]; print(len(d), 1 <= sum(x["stage"] == 1 for x in d) <= 4, {x["version"] for x in d})' <<<"$API_BODY")" "12 True {'1.1.0'}"
api GET /api/devices/m05
is 'a device shows what became of it' "$(json .firmware.version) $(json .firmware.offer.result)" '1.1.0 confirmed'
wait_until 'the broker holds no offer any more' no_offers && pass 'the broker holds no offer any more'
firmware publish "$TMP/1.1.0"
like 'the same is not published twice' "$STATUS $OUT" '^1 .*is out'
api GET '/api/audit?limit=1000'
is 'the audit log has it' "$(grep -o '"firmware\.[a-z]*"' <<<"$API_BODY" | sort | uniq -c | tr -s ' \n' ' ')" ' 1 "firmware.publish" 2 "firmware.stage" '

# --- the image -----------------------------------------------------------------------------------------------------------------

sha=$(release 1 sha256)
image=$API/firmware/$sha
curl -sS -D "$TMP/head" -o "$TMP/got" "$image"
ok 'the image is served to anybody' cmp "$TMP/got" "$TMP/1.1.0/firmware.bin"
like 'for good' "$(<"$TMP/head")" 'immutable'
like 'with its length' "$(<"$TMP/head")" 'Content-Length: 9000'
curl -sS -r 0-99 -o "$TMP/part" "$image"
curl -sS -C - -o "$TMP/part" "$image"
ok 'a download goes on where it broke off' cmp "$TMP/part" "$TMP/1.1.0/firmware.bin"
is 'behind its end there is nothing' "$(curl -sS -o /dev/null -w '%{http_code} %header{content-range}' -r 9000- "$image")" '416 bytes */9000'
is 'of another image the whole comes' "$(curl -sS -o /dev/null -w '%{http_code}' -r 0-9 -H 'If-Range: "other"' "$image")" 200
is 'of this one the part' "$(curl -sS -o /dev/null -w '%{http_code} %{size_download}' -r 0-9 -H "If-Range: \"$sha\"" "$image")" '206 10'
is 'who has it is told so' "$(curl -sS -o /dev/null -w '%{http_code}' -H "If-None-Match: \"$sha\"" "$image")" 304
like 'HEAD' "$(curl -sSI "$image")" '200 OK.*Content-Length: 9000'
is 'no other file' "$(curl -sS -o /dev/null -w '%{http_code}' --path-as-is "$API/firmware/../ledger.db")" 404
is 'no other image' "$(curl -sS -o /dev/null -w '%{http_code}' "$API/firmware/${sha//[0-9]/0}")" 404

# --- a server that dies in the middle ----------------------------------------------------------------------------------------

echo wait >"$SIM/behaviour"
sign 1.2.0 3
firmware publish "$TMP/1.2.0" --stages 50,100 --hold 0
is 'the next one is published' "$STATUS" 0
taking() { [[ $(release 2 meters.taken) -gt 0 && $(release 2 meters.offered) == 0 ]]; }
wait_until 'the first stage is under way' taking || exit 1
taken=$(release 2 meters.taken)
kill_server
echo good >"$SIM/behaviour"
confirmed() { [[ $(grep -c 'confirmed 1.2.0' "$SIM/log") == "$taken" ]]; }
wait_until 'meters go on without a server' confirmed && pass 'meters go on without a server'
start_server
login
wait_until 'the rollout goes on after it' release_is 2 meters.confirmed 12 && pass 'the rollout goes on after it'
is 'each took it once' "$(grep -c 'taken 1.2.0' "$SIM/log")" 12

# --- failures ------------------------------------------------------------------------------------------------------------------

echo fail >"$SIM/behaviour"
sign 1.3.0 4
firmware publish "$TMP/1.3.0" --stages 60,100 --hold 0 --least 3
wait_until 'failures halt it' release_is 3 state halted || exit 1
pass 'failures halt it'
like 'which says why' "$(release 3 reason)" 'of [0-9]+ meters failed'
like 'the log has it' "$(grep firmware.halted "$TMP/log/server.log")" '1\.3\.0'
is 'the metrics have it' "$(metric smartmeter_firmware_releases_halted)" 1
is 'not all meters were asked' "$(($(grep -c 'taken 1.3.0' "$SIM/log") < 12))" 1
wait_until 'it is offered no more' no_offers && pass 'it is offered no more'
api GET '/api/firmware/3/devices?state=failed'
like 'who failed is known' "$(json .devices.0.result) $(json .devices.0.version)" '^failed 1\.2\.0$'
is 'going on is for the operator' "$(api_is POST /api/firmware/3/resume 200 && json .state)" active
firmware halt 3
is 'halting needs a reason' "$STATUS" 2
firmware halt 3 --reason 'looked at by hand'
is 'halted by hand' "$STATUS $(release 3 reason)" '0 looked at by hand'
firmware resume 99
is 'what is not there is told' "$STATUS" 1
firmware list
like 'the list shows it' "$OUT" '3 +smartmeter 1\.3\.0 for sim, cohort all: halted at 60 %'
ok 'what is superseded is over' api_is POST /api/firmware/1/halt 409 '{"reason": "late"}'
echo good >"$SIM/behaviour"
sign 1.3.1 4
firmware publish "$TMP/1.3.1" --stages 100 --hold 0
wait_until 'a better one takes its place' release_is 4 meters.confirmed 12 && pass 'a better one takes its place'
is 'and the halted one is superseded' "$(release 3 state)" superseded

# --- cohorts -----------------------------------------------------------------------------------------------------------------

api PATCH /api/devices/m03 '{"cohort": "pilots"}'
is 'a meter becomes a pilot' "$API_STATUS $(json .cohort)" '200 pilots'
is 'a cohort has a name' "$(api_is PATCH /api/devices/m03 422 '{"cohort": "a b"}' && json .errors.0.field)" cohort
sign 1.4.0 5 "$TMP/op.pem" --cohort pilots
firmware publish "$TMP/1.4.0" --stages 100 --hold 0
wait_until 'the pilot runs it' release_is 5 meters.confirmed 1 && pass 'the pilot runs it'
is 'and nobody else' "$(release 5 meters.offered) $(grep -c '1.4.0' "$SIM/log")" '0 2'

# --- what meters must not say ------------------------------------------------------------------------------------------------

before=$(metric 'smartmeter_readings_rejected_total{reason="missing"}')
publish meters/m01/firmware '{"product": "smartmeter"}'
refused() { [[ $(metric 'smartmeter_readings_rejected_total{reason="missing"}') == $((before + 1)) ]]; }
wait_until 'a report that is none is refused' refused && pass 'a report that is none is refused'
api GET '/api/rejects?limit=1000'
like 'with its reason' "$API_BODY" 'hardware is missing'
publish meters/stranger/firmware '{"product":"smartmeter","hardware":"sim","version":"1.0.0","counter":1,"state":"idle"}'
publish meters/m01/firmware '{"product":"smartmeter","hardware":"sim","version":"9.9.9","counter":9,"state":"idle"}'
wait_until 'what a meter says is its own' api_has GET /api/devices/m01 '"version":"9.9.9"' && pass 'what a meter says is its own'
is 'of a stranger nothing is kept' "$(api_is GET /api/devices/stranger 404 && echo none)" none

# --- backups -------------------------------------------------------------------------------------------------------------------

if on_mongodb; then
  skip 'images are in a backup' 'on MongoDB: the server makes its own'
else
  copy_data restored >"$TMP/log/backup.log" 2>&1 || fail 'a backup is restored' "$(<"$TMP/log/backup.log")"
  cp -r "$DATA/keys" "$TMP/restored/"
  ok 'the server stops' stop_server
  launch_server "SMARTMETER_DATA_DIR=$TMP/restored"
  wait_for_http "$API/healthz" "$WAIT_S" "$(server_pid)" || fail 'a server on the backup starts'
  curl -sS -o "$TMP/got" "$image"
  ok 'images are in a backup' cmp "$TMP/got" "$TMP/1.1.0/firmware.bin"
fi
ok 'the server stops' stop_server
finish
