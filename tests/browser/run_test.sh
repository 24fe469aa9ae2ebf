#!/usr/bin/env bash
# The dashboard in Chromium against the real server and broker, with a month whose bill is known and two days of readings.
#
#   run_test.sh [PLAYWRIGHT_ARGUMENT...]
source "$(dirname -- "${BASH_SOURCE[0]}")/../blackbox/lib.sh"
source "$SM_ROOT/scripts/lib/packages.sh"
source "$SM_ROOT/scripts/lib/node.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/report.sh"

start_broker
# Another port is another origin, and the same site, so that the cookie goes along.
SMARTMETER_TEST_ORIGIN=http://127.0.0.1:$(free_port 1)
export SMARTMETER_TEST_ORIGIN
# With the limits of rates as they are delivered: no page may come near them.
# Months are issued by the tests, not by the server by itself.
start_server SMARTMETER_BILLING_JOB=0 "SMARTMETER_SELLER_NAME=Lake View Society" "SMARTMETER_ALLOWED_ORIGINS=$SMARTMETER_TEST_ORIGIN" \
  "SMARTMETER_DASHBOARD_DIR=${SM_DASHBOARD_DIR:-$SM_ROOT/frontend/dist}" \
  SMARTMETER_UPI_ID=society@bank "SMARTMETER_UPI_NAME=Lake View" SMARTMETER_RATE_READS= SMARTMETER_RATE_WRITES= SMARTMETER_RATE_COSTLY= SMARTMETER_RATE_LOGINS=
login
printf 'a long enough password' | smartmeter user add --email lata@example.org --name 'Lata Rao' --role consumer --password-stdin
api POST /api/devices '{"device_id": "meter-001", "name": "Flat 1A", "owner": "asha@example.org"}' || fail 'the device is added' "$API_BODY"
printf 'a long enough password' | smartmeter user add --email asha@example.org --name 'Asha Rao' --role consumer --password-stdin
api POST /api/users '{"email": "mira@example.org", "name": "Mira"}' || fail 'somebody is added with a link' "$API_BODY"
link=$(json .link.url)
api POST /api/users '{"email": "nils@example.org", "password": "for the first day"}' || fail 'somebody is added' "$API_BODY"

# January 2026 is the contract's example; then a steady 500 W, every 5 minutes of the last two days.
readings() {
  python3 - <<'PYTHON'
import datetime, json
utc = datetime.timezone.utc
def one(at, kwh, watts):
    return {"device_id": "meter-001", "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "voltage": 229.8,
            "current": round(watts / 229.8, 3), "power_w": watts, "energy_kwh": round(kwh, 3), "power_factor": 1}
edge = datetime.timedelta(hours=5, minutes=30)
january = datetime.datetime(2026, 1, 1, tzinfo=utc) - edge
february = datetime.datetime(2026, 2, 1, tzinfo=utc) - edge
print(json.dumps([one(january, 1000, 400), one(february, 1350, 400)]))
now = datetime.datetime.now(utc).replace(second=0, microsecond=0)
rows = [one(now - datetime.timedelta(minutes=5 * i), 2000 - i / 24, 500) for i in range(576, -1, -1)]
for i in range(0, len(rows), 100):
    print(json.dumps(rows[i:i + 100]))
PYTHON
}
readings | publish_lines meters/meter-001/telemetry

# Three flats for the office's pages: the month before the last one is invoiced, the last one is not yet. off-001 is steady,
# off-002 uses four times the usual, off-003's register began anew in the middle of it.
for n in 1 2 3; do
  api POST /api/accounts "{\"person\": \"Tenant $n\", \"place\": \"Block B-$n\"}" || fail 'an account is opened' "$API_BODY"
  id=$(json .account_id)
  api POST /api/devices "{\"device_id\": \"off-00$n\"}" || fail 'a meter is added' "$API_BODY"
  api PATCH "/api/accounts/$id" "{\"meters\": [{\"device_id\": \"off-00$n\"}]}" || fail 'a meter serves' "$API_BODY"
done
# Prints a line for off-00$1.
month_readings() {
  python3 - "$1" <<'PYTHON'
import datetime, json, sys
zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
n = int(sys.argv[1])
now = datetime.datetime.now(zone)
month = lambda at, by: datetime.datetime(at.year + (at.month - 1 + by) // 12, (at.month - 1 + by) % 12 + 1, 1, tzinfo=zone)
a, b, c = month(now, -2), month(now, -1), month(now, 0)
points = {1: [(a, 100), (b, 400), (c, 710)], 2: [(a, 100), (b, 200), (c, 600)], 3: [(a, 500), (b, 700)]}[n]
if n == 3:
    middle = b + datetime.timedelta(days=14)
    points += [(middle + datetime.timedelta(minutes=10 * i), i) for i in range(1, 5)] + [(c, 90)]
points.append((c + datetime.timedelta(minutes=1), points[-1][1]))
print(json.dumps([{"device_id": f"off-00{n}", "timestamp": at.isoformat(), "voltage": 230, "current": 1, "power_w": 230,
                   "energy_kwh": kwh, "power_factor": 1} for at, kwh in points]))
PYTHON
}
for n in 1 2 3; do month_readings "$n" | publish_lines "meters/off-00$n/telemetry"; done
wait_until 'the readings are stored' api_has GET /api/devices '"energy_kwh":2000' || finish
for n in 1 2 3; do wait_until "off-00$n is read" api_has GET "/api/devices/off-00$n" '"last_reading":{' || finish; done
server_command SMARTMETER_UPI_ID=society@bank "SMARTMETER_UPI_NAME=Lake View"
"${SM_COMMAND[@]}" bill --month 2026-01 >"$TMP/log/bill.log"
before_last=$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -2 months" +%Y-%m)
for n in 1 2 3; do smartmeter bill --month "$before_last" --device "off-00$n" >>"$TMP/log/bill.log"; done
# What is decided for next month.
next_month=$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-15) +1 month" +%Y-%m-01)
api POST /api/tariffs "{\"name\": \"LT-1 Domestic\", \"effective_from\": \"$next_month\", \"fixed_charge\": \"60.00\",
  \"slabs\": [{\"up_to_kwh\": 100, \"rate\": \"4.00\"}, {\"up_to_kwh\": null, \"rate\": \"6.50\"}], \"taxes\": [{\"name\": \"GST\", \"percent\": \"18\"}]}" ||
  fail 'a tariff is decided' "$API_BODY"

# A release of firmware, offered to a meter that has not taken it.
printf '{"product": "smartmeter", "hardware": "demo", "version": "1.0.0", "counter": 1, "state": "idle"}' | publish_lines meters/off-001/firmware
wait_until 'off-001 says what it runs' api_has GET /api/devices/off-001 '"version":"1.0.0"' || finish
head -c 5000 /dev/zero >"$TMP/image"
server_command "SMARTMETER_FIRMWARE_KEYS=$TMP/firmware.pem.pub"
{
  "${SM_COMMAND[@]}" firmware keygen --out "$TMP/firmware.pem" &&
    "${SM_COMMAND[@]}" firmware sign "$TMP/image" --key "$TMP/firmware.pem" --product smartmeter --hardware demo --version 1.1.0 --counter 2 \
      --from 1 --expires 2099-01-01 --url-base "$API" --out "$TMP/release" &&
    "${SM_COMMAND[@]}" firmware publish "$TMP/release" --stages 100
} >"$TMP/log/firmware.log" 2>&1 || fail 'a release is published' "$(cat "$TMP/log/firmware.log")"

require_node
report=$TMP/browser.xml
(
  cd "$SM_ROOT/frontend"
  SMARTMETER_URL=$API SMARTMETER_TEST_EMAIL=asha@example.org SMARTMETER_TEST_PASSWORD='a long enough password' \
    SMARTMETER_TEST_ADMIN_EMAIL=$ADMIN_EMAIL SMARTMETER_TEST_ADMIN_PASSWORD=$ADMIN_PASSWORD \
    SMARTMETER_TEST_LINK=$link SMARTMETER_TEST_NEWCOMER=nils@example.org SMARTMETER_TEST_PERSON=lata@example.org \
    SMARTMETER_TEST_DEVICE=meter-001 SMARTMETER_MQTT_PORT=$MQTT_PORT EXPECT_MONTH=2026-01 EXPECT_TOTAL=1888.00 \
    SMARTMETER_BROWSER_REPORT=$report SMARTMETER_BROWSER_OUTPUT=$TMP/traces npm run --silent browser -- "$@"
) >"$TMP/log/browser.log" 2>&1 || note "$(tail -n 60 "$TMP/log/browser.log")"

tell_report "$report"
finish
