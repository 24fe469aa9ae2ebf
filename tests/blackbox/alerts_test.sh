#!/usr/bin/env bash
# Alerts of the real server: each kind opens once and ends once, also over a SIGKILL; who is told, by live events, webhook and
# e-mail, and what a webhook cannot reach.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

RESIDENT=resident@example.org RESIDENT_PASSWORD='plain horse battery staple'
{
  read -r WEBHOOK_PORT
  read -r MAIL_PORT
} < <(free_port 2)
POSTS=$TMP/posts MAILS=$TMP/mails
touch "$POSTS" "$MAILS"
WEBHOOK=https://127.0.0.1:$WEBHOOK_PORT

# at SECONDS_AGO: an instant.
at() { date -u -d "@$(($(date +%s) - $1))" +%Y-%m-%dT%H:%M:%SZ; }
# tell DEVICE SECONDS_AGO VOLT WATT KWH
tell() {
  publish "meters/$1/telemetry" \
    "{\"device_id\": \"$1\", \"timestamp\": \"$(at "$2")\", \"voltage\": $3, \"current\": 1.0, \"power_w\": $4, \"energy_kwh\": $5}"
}
# alerts DEVICE KIND: "id state" of each, a line.
alerts() {
  api GET "/api/alerts?device=$1&kind=$2" || return 1
  python3 -c 'import json, sys
for a in json.load(sys.stdin)["alerts"]: print(a["id"], a["state"])' <<<"$API_BODY"
}
# stands DEVICE KIND STATE: there is one, in this state. none DEVICE KIND
stands() { [[ $(alerts "$1" "$2") =~ ^[0-9]+\ $3$ ]]; }
none() { [[ -z $(alerts "$1" "$2") ]]; }
# opens DEVICE KIND, ends DEVICE KIND: tests.
opens() { wait_until "$2 opens" stands "$1" "$2" open && pass "$2 opens, once"; }
ends() { wait_until "$2 ends" stands "$1" "$2" ended && pass "$2 ends, once"; }
# set_limits DEVICE JSON
set_limits() { api PUT "/api/devices/$1/thresholds" "{\"thresholds\": $2}" || fail "thresholds of $1" "$API_BODY"; }
# judged COUNT: the watch has looked at so many readings.
judged() { (($(metric smartmeter_alerts_judged_total) >= $1)); }
# messages CHANNEL STATE: how many the ledger has.
messages() { ledger_sql "SELECT count(*) FROM alert_message WHERE channel = '$1' AND state = '$2'"; }
has_messages() { (($(messages "$1" "$2") >= $3)); }
logged() { grep -q -e "$1" "$TMP/log/server.log"; }

SETTINGS=(SMARTMETER_ALERT_GRACE=0 SMARTMETER_ALERT_GATHER=0 "SMARTMETER_ALERT_CA=$DATA/broker/ca.crt"
  "SMARTMETER_SMTP_URL=smtp://127.0.0.1:$MAIL_PORT" SMARTMETER_SMTP_USER=relay SMARTMETER_SMTP_PASSWORD=secret
  SMARTMETER_SMTP_FROM=meters@example.org SMARTMETER_BILLING_JOB=0)

start_broker
for kind in webhook mail; do
  port=$WEBHOOK_PORT file=$POSTS
  [[ $kind == webhook ]] || port=$MAIL_PORT file=$MAILS
  start_child "$kind" "$TMP/log/$kind.log" "$SM_HERE/receivers.py" "$kind" "$port" "$DATA/broker/broker.crt" "$DATA/broker/broker.key" "$file"
  wait_for_port "$port" "$WAIT_S" "$(child_pid "$kind")" || { fail "the $kind receiver starts"; exit 1; }
done
start_server "${SETTINGS[@]}"
printf '%s\n' "$RESIDENT_PASSWORD" | smartmeter user add --email "$RESIDENT" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 ||
  { fail 'a resident is added' "$(<"$TMP/log/user.log")"; exit 1; }
login "$RESIDENT" "$RESIDENT_PASSWORD"
RESIDENT_TOKEN=$TOKEN
login
ADMIN_TOKEN=$TOKEN
for device in volt power odd reset energy money night quiet; do
  api POST /api/devices "$(json_object device_id "$device")" || { fail "$device is added" "$API_BODY"; exit 1; }
done
api POST /api/devices "$(json_object device_id own owner "$RESIDENT")" || { fail 'own is added' "$API_BODY"; exit 1; }

# --- a webhook to loopback is refused by default --------------------------------------------------------------------------
TOKEN=$RESIDENT_TOKEN
ok 'a webhook is set' api PUT /api/me/notifications "$(json_object webhook_url "$WEBHOOK/hook")"
like 'its secret is shown' "$(json .webhook_secret)" '^whs_.{43}$'
TOKEN=$ADMIN_TOKEN
tell own 120 200 100 10
tell own 59 200 100 10
opens own voltage_low
wait_until 'the post is given up' has_messages webhook failed 1 && pass 'a post to loopback is given up at once'
ok 'the log says why' logged 'not one of the public Internet'
is 'nobody was called' "$(wc -l <"$POSTS")" 0
set_limits own '{"voltage_low": {"for_s": 0, "clear_s": 0}}'
ago=50 failed=1
for url in "https://localhost:$WEBHOOK_PORT/" "https://[::ffff:127.0.0.1]:$WEBHOOK_PORT/" "https://2130706433:$WEBHOOK_PORT/"; do
  tell own "$ago" 230 100 10
  ended_all() { api GET '/api/alerts?device=own&state=unended' && [[ $(json .alerts.#) == 0 ]]; }
  wait_until 'it ends' ended_all
  TOKEN=$RESIDENT_TOKEN
  ok "$url can be set" api PUT /api/me/notifications "$(json_object webhook_url "$url")"
  TOKEN=$ADMIN_TOKEN
  tell own "$((ago - 2))" 200 100 10
  failed=$((failed + 1)) ago=$((ago - 5))
  wait_until "$url is given up" has_messages webhook failed "$failed" && pass 'and is not reached'
done
tell own "$ago" 230 100 10
wait_until 'it ends' ended_all
is 'nobody was called by any name' "$(wc -l <"$POSTS")" 0

# --- allowed: signed, and once -------------------------------------------------------------------------------------------
stop_server || fail 'the server stops'
start_server "${SETTINGS[@]}" SMARTMETER_WEBHOOK_ALLOW=127.0.0.1
login "$RESIDENT" "$RESIDENT_PASSWORD"
RESIDENT_TOKEN=$TOKEN
api PUT /api/me/notifications "$(json_object webhook_url "$WEBHOOK/hook")" || fail 'a webhook is set' "$API_BODY"
SECRET=$(json .webhook_secret)
login
ADMIN_TOKEN=$TOKEN
api PUT /api/me/notifications '{"email": true}' || fail 'mails are set' "$API_BODY"
is 'who set none has none' "$(json .webhook_url)" ''

# The hub's events, of all meters and of the site.
python3 "$SM_HERE/websocket.py" "$HTTP_PORT" /api/live "{\"token\": \"$ADMIN_TOKEN\", \"devices\": \"*\"}" 100000 600 >"$TMP/live" 2>"$TMP/log/live.log" &
live_event() { grep -q "\"type\":\"alert\".*\"device_id\":\"$1\".*\"state\":\"$2\"" "$TMP/live"; }
wait_until 'the live client is let in' grep -q ready "$TMP/live"

set_limits own '{"voltage_high": {"for_s": 0, "clear_s": 0}}'
tell own 20 260 100 10
opens own voltage_high
wait_until 'it is live' live_event own open && pass 'live clients are told that it opened'
posted() { (($(wc -l <"$POSTS") >= $1)); }
mailed() { (($(wc -l <"$MAILS") >= $1)); }
wait_until 'the post comes' posted 1 && pass 'its owner is called'
wait_until 'the mail comes' mailed 1 && pass 'the admin has a mail'
ok 'the signature is right' python3 - "$POSTS" "$SECRET" <<'PYTHON'
import hashlib, hmac, json, sys, time
post = json.loads(open(sys.argv[1]).readline())
parts = dict(p.split("=", 1) for p in post["headers"]["Smartmeter-Signature"].split(","))
wanted = hmac.new(sys.argv[2].encode(), f'{parts["t"]}.{post["body"]}'.encode(), hashlib.sha256).hexdigest()
assert hmac.compare_digest(parts["v1"], wanted)
assert abs(time.time() - int(parts["t"])) < 300
message = json.loads(post["body"])["messages"][0]
assert message["event"] == "opened" and message["alert"]["kind"] == "voltage_high" and message["alert"]["device_id"] == "own"
assert message["alert"]["value"] == 260 and message["alert"]["limit"] == 253 and message["alert"]["unit"] == "V"
PYTHON
ok 'the mail is what it should be' python3 - "$MAILS" "$ADMIN_EMAIL" <<'PYTHON'
import email, email.policy, json, sys
mail = json.loads(open(sys.argv[1]).readline())
message = email.message_from_string(mail["message"], policy=email.policy.default)
assert mail["user"] == ["relay", "secret"] and mail["from"].startswith("MAIL FROM:<meters@example.org>"), mail
assert mail["to"] == [f"RCPT TO:<{sys.argv[2]}>"], mail
assert [a.addr_spec for a in message["To"].addresses] == [sys.argv[2]], message["To"]
assert message["Subject"] == "Smartmeter: Voltage too high: own", message["Subject"]
assert "seen 260 V, limit 253 V" in message.get_content()
PYTHON
id=$(json .alerts.0.id "$(api GET '/api/alerts?device=own&kind=voltage_high' && printf '%s' "$API_BODY")")
TOKEN=$RESIDENT_TOKEN
ok 'its owner acknowledges it' api POST "/api/alerts/$id/acknowledge"
is 'it is acknowledged' "$(json .state)" acknowledged
wait_until 'that is live' live_event own acknowledged && pass 'and live clients see it'
ok 'a meter that is not theirs' api_is GET '/api/alerts?device=volt' 200
is 'has no alerts for them' "$(json .alerts.#)" 0
otherwise() { api GET /api/devices/own/thresholds && json .otherwise.voltage_high.for_s; }
is "without an owner's own word the operator's holds" "$(otherwise)" 0
TOKEN=$ADMIN_TOKEN
is "without the operator's word the default does" "$(otherwise)" 60
tell own 10 230 100 10
ends own voltage_high
wait_until 'live' live_event own ended && pass 'live clients are told that it ended'
wait_until 'the end is posted' posted 2 && pass 'its owner is told of the end'

# --- a receiver that fails is called again, over a SIGKILL too -----------------------------------------------------------
touch "$POSTS.fail" "$MAILS.fail"
tell own 9 261 100 10
later() { (($(metric smartmeter_alert_messages_later_total) >= $1)); }
wait_until 'both fail' later 2 && pass 'a receiver that fails does not lose it'
kill_server
rm -f -- "$POSTS.fail" "$MAILS.fail"
start_server "${SETTINGS[@]}" SMARTMETER_WEBHOOK_ALLOW=127.0.0.1
login
ADMIN_TOKEN=$TOKEN
good_posts() { python3 -c 'import json, sys
seen = [m["id"] for line in open(sys.argv[1]) if (p := json.loads(line))["status"] == 200 for m in json.loads(p["body"])["messages"]]
assert len(seen) == len(set(seen)), seen
print(len(seen))' "$POSTS"; }
posted_well() { (($(good_posts) >= $1)); }
wait_until 'the post comes again' posted_well 3 && pass 'after a SIGKILL it is sent, once'
wait_until 'the mail comes again' mailed 3 && pass 'so is the mail'
is 'the alert was not opened again' "$(alerts own voltage_high | wc -l)" 2

# --- redirects are not followed ------------------------------------------------------------------------------------------
login "$RESIDENT" "$RESIDENT_PASSWORD"
printf '%s/elsewhere\n' "$WEBHOOK" >"$POSTS.location"
api PUT /api/me/notifications "$(json_object webhook_url "$WEBHOOK/redirect")" || fail 'a webhook is set' "$API_BODY"
login
ADMIN_TOKEN=$TOKEN
tell own 8 230 100 10
redirected() { grep -q '"/redirect"' "$POSTS"; }
wait_until 'the redirecting one is called' redirected
wait_until 'it has failed' logged 'answered 302' && pass 'a redirect is a failure'
is 'and is not followed' "$(grep -c elsewhere "$POSTS")" 0

# --- every kind, once ----------------------------------------------------------------------------------------------------
local_time() { TZ=Asia/Kolkata date -d "$1" +%H:%M; }
set_limits power '{"overload": {"above_w": 3000}}'
set_limits odd "{\"odd_hours\": {\"above_w\": 500, \"from\": \"$(local_time '-2 hours')\", \"to\": \"$(local_time '+2 hours')\", \"for_s\": 60, \"clear_s\": 60}}"
set_limits energy '{"budget_energy": {"month_kwh": 1}}'
set_limits money '{"budget_money": {"month_total": "10.00"}}'
set_limits night '{"night_baseload": {"from": "00:00", "to": "00:30"}}'
set_limits reset '{"register_reset": {"clear_s": 60}}'
for kind in 200:600 200:540; do tell volt "${kind#*:}" "${kind%:*}" 100 20; done
for ago in 600 540; do tell power "$ago" 230 4000 20; tell odd "$ago" 230 900 20; done
tell reset 600 230 100 5000; tell reset 590 230 100 5000
for ago in 580 570 560; do tell reset "$ago" 230 100 0; done
for device in energy money; do tell "$device" 900 230 100 100; tell "$device" 600 230 100 101.5; tell "$device" 540 230 100 101.6; done
tell quiet 2400 230 100 1
# Eight nights: 100 W each, and 400 W in the last; then a word of today.
python3 - <<'PYTHON' >"$TMP/nights"
import datetime, json, zoneinfo
zone = zoneinfo.ZoneInfo("Asia/Kolkata")
today = datetime.datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
register, out = 100000, []
for back in range(8, -1, -1):
    midnight = today - datetime.timedelta(days=back)
    watt = 400 if back == 0 else 100
    for minute, step in ((0, 0), (29, watt * 29 // 60)):
        register += step
        out.append({"device_id": "night", "timestamp": (midnight + datetime.timedelta(minutes=minute)).isoformat(), "voltage": 230,
                    "current": 1, "power_w": watt, "energy_kwh": register / 1000})
    register += 1000
print(json.dumps(out))
PYTHON
publish meters/night/telemetry "$(<"$TMP/nights")"
tell night 60 230 100 200
for what in volt:voltage_low power:overload odd:odd_hours reset:register_reset energy:budget_energy money:budget_money \
  night:night_baseload quiet:silent; do
  opens "${what%:*}" "${what#*:}"
done
is 'a rise of the night is told by its watts' "$(api GET '/api/alerts?device=night' && json .alerts.0.limit | cut -c1-2)" 99

# A certificate of the site that ends in ten days.
short_certificate() {
  openssl x509 -req -sha256 -in <(openssl req -new -key "$DATA/broker/broker.key" -subj '/CN=Smartmeter broker') -CA "$DATA/broker/ca.crt" \
    -CAkey "$DATA.ca/ca.key" -set_serial 77 -days "$1" -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$DATA/broker/broker.crt.new" \
    2>>"$TMP/log/openssl.log" && mv -- "$DATA/broker/broker.crt.new" "$DATA/broker/broker.crt"
}
site_alert() { api GET '/api/alerts?kind=certificate' && [[ $(json .alerts.#) == 1 && $(json .alerts.0.subject) == broker && $(json .alerts.0.state) == "$1" ]]; }
ok 'the broker has a short certificate' short_certificate 10
wait_until 'certificate opens' site_alert open && pass 'certificate opens, once'

# --- a SIGKILL repeats nothing and loses nothing -------------------------------------------------------------------------
api GET '/api/alerts?state=unended&limit=1000'
before=$(json .alerts.#)
kill_server
start_server "${SETTINGS[@]}" SMARTMETER_WEBHOOK_ALLOW=127.0.0.1
login
for kind in 200:500 200:440; do tell volt "${kind#*:}" "${kind%:*}" 100 20; done
for ago in 500 440; do tell power "$ago" 230 4000 20; tell odd "$ago" 230 900 20; done
wait_until 'they are judged' judged 6
api GET '/api/alerts?state=unended&limit=1000'
is 'what is open is open, once' "$(json .alerts.#)" "$before"

for ago in 400 330; do tell volt "$ago" 230 100 20; tell power "$ago" 230 100 20; tell odd "$ago" 230 100 20; done
tell reset 300 230 100 0; tell reset 200 230 100 0
tell quiet 70 230 100 1; tell quiet 5 230 100 1
set_limits energy '{"budget_energy": {"month_kwh": 1000}}'
set_limits money '{}'
set_limits night '{"night_baseload": {"enabled": false}}'
ok 'the broker has a long certificate again' short_certificate 800
for what in volt:voltage_low power:overload odd:odd_hours reset:register_reset energy:budget_energy money:budget_money \
  night:night_baseload quiet:silent; do
  ends "${what%:*}" "${what#*:}"
done
wait_until 'certificate ends' site_alert ended && pass 'certificate ends, once'

# --- what is kept --------------------------------------------------------------------------------------------------------
is 'no address and no secret is in the clear' "$(in_clear "$SECRET" "$WEBHOOK")" 0
ok 'the audit log has thresholds and notifications' api_has GET '/api/audit?action=alert.' alert.thresholds
ok 'the audit log is whole' smartmeter audit verify
ok 'the doctor finds nothing' smartmeter doctor
is 'nothing was shed' "$(metric smartmeter_alerts_shed_total)" 0
finish
