#!/usr/bin/env bash
# The running server against contracts/openapi.json: tests/contract/check.py calls every operation, this makes the world for it.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

export RESIDENT=resident@example.org RESIDENT_PASSWORD='plain horse battery staple'
export NEWCOMER_PASSWORD='told by word of mouth'
export ALLOWED_ORIGIN=https://dashboard.example

# quietly ARGUMENT...: the program, its words into a log.
quietly() { smartmeter "$@" >>"$TMP/log/cli.log" 2>&1; }

# tell DEVICE TIME KWH...: readings, on the clock of Kolkata.
tell() {
  local device=$1
  shift
  for ((; $# > 1;)); do
    publish "meters/$device/telemetry" "$(reading "$device" "$1:00+05:30" "$2" ', "power_factor": 0.98, "rssi": -60, "frequency_hz": 50.0')"
    shift 2
  done
}
# has DEVICE COUNT: so many readings of it are stored.
has() {
  api GET "/api/devices/$1/readings?from=2025-12-01T00:00:00Z&to=2026-06-01T00:00:00Z" && [[ $(json .readings.#) == "$2" ]]
}
refused() { api GET /api/rejects && [[ $(json .rejects.#) == 2 ]]; }

# A stand-in for the built dashboard, of which only /api/docs is asked for here.
mkdir -p "$TMP/dashboard"
printf '<!doctype html>\n<title>API</title>\n' | tee "$TMP/dashboard/index.html" >"$TMP/dashboard/api-docs.html"

start_broker
start_server SMARTMETER_BILLING_JOB=0 SMARTMETER_ALERT_GRACE=0 "SMARTMETER_ALLOWED_ORIGINS=$ALLOWED_ORIGIN" "SMARTMETER_DASHBOARD_DIR=$TMP/dashboard"
printf '%s\n' "$RESIDENT_PASSWORD" | smartmeter user add --email "$RESIDENT" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 ||
  { fail 'a resident is added' "$(<"$TMP/log/user.log")"; exit 1; }
login
for device in m1 m2; do
  api POST /api/devices "$(json_object device_id "$device" owner "$RESIDENT")" || { fail "$device is added" "$API_BODY"; exit 1; }
done
api POST /api/devices "$(json_object device_id m3 owner neighbour@example.org)" || { fail 'm3 is added' "$API_BODY"; exit 1; }
api POST /api/devices "$(json_object device_id main)" || { fail 'main is added' "$API_BODY"; exit 1; }
register=1000
for device in m1 m2 m3 main; do
  tell "$device" 2025-12-31T23:50 "$register" 2026-01-01T00:00 "$register" 2026-01-10T00:00 $((register + 40)) \
    2026-02-01T00:00 $((register + 150)) 2026-02-01T00:10 $((register + 150)) 2026-02-20T00:00 $((register + 170))
  register=$((register + 1000))
done
publish meters/m1/telemetry 'no JSON'
publish meters/m1/telemetry "$(printf '\xff\xfe')"
for device in m1 m2 m3 main; do wait_until "the readings of $device are stored" has "$device" 6 || exit 1; done
wait_until 'what is wrong is refused' refused || exit 1
quietly bill --month 2026-01 || { fail 'January is issued' "$(<"$TMP/log/cli.log")"; exit 1; }

# Their last reading is of February, and that is long ago.
for device in m1 m2 m3; do wait_until "$device is silent" api_has GET "/api/alerts?device=$device" '"silent"' || exit 1; done

# Two releases of firmware, of which the second is out for m1 and m2.
firmware() {
  server_command "SMARTMETER_FIRMWARE_KEYS=$TMP/op.pem.pub"
  "${SM_COMMAND[@]}" firmware "$@" >>"$TMP/log/cli.log" 2>&1
}
for device in m1 m2; do
  publish "meters/$device/firmware" '{"product":"smartmeter","hardware":"sim","version":"1.0.0","counter":1,"state":"idle"}' -r
done
firmware keygen --out "$TMP/op.pem"
for version in 1.1.0 1.2.0; do
  head -c 5000 /dev/urandom >"$TMP/image"
  firmware sign "$TMP/image" --key "$TMP/op.pem" --product smartmeter --hardware sim --version "$version" --counter 2 --from 0 \
    --expires 2099-01-01 --url-base "$API" --out "$TMP/$version" || { fail "firmware $version is signed" "$(<"$TMP/log/cli.log")"; exit 1; }
  firmware publish "$TMP/$version" --stages 100 || { fail "firmware $version is published" "$(<"$TMP/log/cli.log")"; exit 1; }
done
FIRMWARE_SHA256=$(sha256sum <"$TMP/image" | cut -d ' ' -f 1)
export FIRMWARE_SHA256
for device in m1 m2; do wait_until "$device is offered it" api_has GET /api/firmware/2/devices "\"$device\"" || exit 1; done

export ADMIN_TOKEN=$TOKEN
login "$RESIDENT" "$RESIDENT_PASSWORD"
export RESIDENT_TOKEN=$TOKEN
"$SM_ROOT/tests/contract/check.py" "$HTTP_PORT"
