#!/usr/bin/env bash
# The dashboard in Chromium against the real server and broker, with a month whose bill is known and two days of readings.
source "$(dirname -- "${BASH_SOURCE[0]}")/../blackbox/lib.sh"
source "$SM_ROOT/scripts/lib/packages.sh"
source "$SM_ROOT/scripts/lib/node.sh"

start_broker
# Another port is another origin, and the same site, so that the cookie goes along.
SMARTMETER_TEST_ORIGIN=http://127.0.0.1:$(free_port 1)
export SMARTMETER_TEST_ORIGIN
# With the limits of rates as they are delivered: no page may come near them.
start_server "SMARTMETER_SELLER_NAME=Lake View Society" "SMARTMETER_ALLOWED_ORIGINS=$SMARTMETER_TEST_ORIGIN" \
  "SMARTMETER_DASHBOARD_DIR=${SM_DASHBOARD_DIR:-$SM_ROOT/frontend/dist}" \
  SMARTMETER_RATE_READS= SMARTMETER_RATE_WRITES= SMARTMETER_RATE_COSTLY= SMARTMETER_RATE_LOGINS=
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
wait_until 'the readings are stored' api_has GET /api/devices '"energy_kwh":2000' || finish
smartmeter bill --month 2026-01 >"$TMP/log/bill.log"

require_node
report=$TMP/browser.xml
(
  cd "$SM_ROOT/frontend"
  SMARTMETER_URL=$API SMARTMETER_TEST_EMAIL=asha@example.org SMARTMETER_TEST_PASSWORD='a long enough password' \
    SMARTMETER_TEST_ADMIN_EMAIL=$ADMIN_EMAIL SMARTMETER_TEST_ADMIN_PASSWORD=$ADMIN_PASSWORD \
    SMARTMETER_TEST_LINK=$link SMARTMETER_TEST_NEWCOMER=nils@example.org SMARTMETER_TEST_PERSON=lata@example.org \
    SMARTMETER_TEST_DEVICE=meter-001 SMARTMETER_MQTT_PORT=$MQTT_PORT EXPECT_MONTH=2026-01 EXPECT_TOTAL=1888.00 \
    SMARTMETER_BROWSER_REPORT=$report SMARTMETER_BROWSER_OUTPUT=$TMP/traces npm run --silent browser
) >"$TMP/log/browser.log" 2>&1 || note "$(tail -n 60 "$TMP/log/browser.log")"

# Every test of the report is one here.
while IFS=$'\t' read -r outcome name; do
  if [[ $outcome == passed ]]; then pass "$name"; elif [[ $outcome == skipped ]]; then skip "$name"; else fail "$name"; fi
done < <(python3 - "$report" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    cases = list(tree.parse(sys.argv[1]).iter("testcase"))
except (OSError, tree.ParseError) as error:
    cases = []
    print(f"failed\tthe browser tests ran: {error}")
for case in cases:
    kinds = {child.tag for child in case}
    outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
    print(f"{outcome}\t{case.get('classname')}: {case.get('name')}")
PYTHON
)
finish
