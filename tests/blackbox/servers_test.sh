#!/usr/bin/env bash
# Two servers on one PostgreSQL and one broker: a login at one is good at the other, each tells what the other has taken, months and
# alerts are made once, and killing or restarting one of them loses nothing and doubles nothing.
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
if ! on_postgres; then exec "$SM_ROOT/tests/postgres/with_postgres" "$SM_HERE/servers_test.sh"; fi

source "$SM_HERE/two_servers.sh"

OWNER=owner@example.org
lives=$(long 1 12)
SERVER_SETTINGS+=(SMARTMETER_ALERT_GRACE=0 SMARTMETER_BILLING_DELAY=0)

# --- a month, by both at once ---------------------------------------------------------------------------------------------
accounts=6
start_own_broker
start_again SMARTMETER_BILLING_JOB=0
login
readings='' at=''
for at in 2026-07-31T18:30 2026-08-20T00:00 2026-08-31T18:30 2026-09-20T00:00 2026-09-30T18:30 2026-10-20T00:00 2026-10-31T18:30 2026-11-01T00:00; do
  readings+=${readings:+,}$(reading DEVICE "$at:00Z" "$((100 + 10 * $(tr -cd , <<<"$readings" | wc -c)))")
done
for ((i = 0; i < accounts; i++)); do
  api POST /api/devices "$(json_object device_id "flat-$i" owner "$OWNER")" || fail "flat-$i is added" "$API_BODY"
  publish "meters/flat-$i/telemetry" "[${readings//DEVICE/flat-$i}]"
done
has_flat() { api_has GET "/api/devices/flat-$((accounts - 1))/readings?from=2026-11-01T00:00:00Z" 2026-11-01; }
wait_until 'the readings are stored' has_flat
quietly() { smartmeter "$@" >>"$TMP/log/cli.log" 2>&1; }
ok 'August is issued by hand' quietly bill --month 2026-08 --summary
stop_server || fail 'it stops'
share_keys

launch_again
launch_other
one_is_ready
other_is_ready
invoices() { ledger_sql 'SELECT count(*) FROM invoice'; }
all_issued() { (($(invoices) >= 3 * accounts)); }
wait_until 'the months are issued' all_issued
is 'each month is issued once an account' "$(ledger_sql 'SELECT count(*), count(DISTINCT (account_no, month)), count(DISTINCT serial), max(serial) FROM invoice')" \
  "$((3 * accounts)) $((3 * accounts)) $((3 * accounts)) $((3 * accounts))"

# --- a login at one is good at the other ----------------------------------------------------------------------------------
login
ok 'a token of the one is good at the other' at_other api GET /api/devices
wait_until 'they see each other' see_each_other && pass 'they see each other'
ok 'one of them leads' lead_is_one
cookie=$(curl -sS -o /dev/null -D - -H 'Content-Type: application/json' -X POST "$API/api/auth/login" \
  --data-binary "$(json_object email "$ADMIN_EMAIL" password "$ADMIN_PASSWORD")" | sed -n 's/^[Ss]et-[Cc]ookie: \(smartmeter_refresh=[^;]*\).*/\1/p')
# at_session API PATH: with that cookie, as the dashboard of that server asks.
at_session() { curl -sS -X POST -D "$TMP/head" -H "Cookie: $cookie" -H "Origin: $1" "$1$2" 2>>"$TMP/log/curl.log"; }
foreign=$(curl -sS -o /dev/null -w '%{http_code}' -X POST -H "Cookie: $cookie" -H 'Origin: https://elsewhere.example' "$OTHER_API/api/auth/refresh")
is 'a page of somebody else may not use the session there' "$foreign" 403
SESSION=$(json .token "$(at_session "$OTHER_API" /api/auth/refresh)")
cookie=$(sed -n 's/^[Ss]et-[Cc]ookie: \(smartmeter_refresh=[^;]*\).*/\1/p' "$TMP/head")
with_session() { local TOKEN=$SESSION && "$@"; }
ok 'a session of the one goes on at the other' with_session api GET /api/me
at_session "$OTHER_API" /api/auth/logout >/dev/null
ended() { ! with_session api GET /api/me && [[ $API_STATUS == 401 ]]; }
wait_until 'it ends' ended && pass 'and what ended it there ends it here'

# Tries are counted under the same tags wherever they are tried (that these are then counted together is servers_test's of the store).
wrong=$(json_object email nobody@example.org password 'not the password')
buckets() { ledger_sql 'SELECT count(*), count(DISTINCT tag) FROM login_bucket'; }
api POST /api/auth/login "$wrong" && fail 'a wrong password lets nobody in'
before=$(buckets)
at_other api POST /api/auth/login "$wrong" && fail 'a wrong password lets nobody in there'
is 'tries of logins are counted in one place' "$(buckets)" "$before"
like 'by account and by address' "$before" '^[3-9] '

# --- what one takes the other tells ---------------------------------------------------------------------------------------
# at_seconds S: an instant so many seconds before now.
at_seconds() { date -u -d "@$(($(date +%s) - $1))" +%Y-%m-%dT%H:%M:%SZ; }
# told DEVICE SECONDS_AGO VOLTAGE KWH [MORE]: a line of telemetry. tell: one that is sent.
told() {
  printf '{"device_id": "%s", "timestamp": "%s", "voltage": %s, "current": 1.0, "power_w": 100, "energy_kwh": %s%s}\n' \
    "$1" "$(at_seconds "$2")" "$3" "$4" "${5:-}"
}
tell() { publish "meters/$1/telemetry" "$(told "$@")"; }
watch_live() {
  python3 "$SM_HERE/websocket.py" "$1" /api/live "{\"token\": \"$TOKEN\", \"devices\": [\"flat-0\"]}" 100000 600 >"$2" 2>>"$TMP/log/live.log" &
}
watch_live "$HTTP_PORT" "$TMP/live.one"
watch_live "$OTHER_HTTP_PORT" "$TMP/live.other"
wait_until 'the one lets in' grep -q ready "$TMP/live.one"
wait_until 'the other lets in' grep -q ready "$TMP/live.other"
for ((i = 0; i < 20; i++)); do told flat-0 "$((120 - i))" 230 "$((300 + i))"; done | publish_lines meters/flat-0/telemetry
heard_all() { (($(grep -c '"energy_kwh":3[0-9][0-9]' "$1") >= 20)); }
wait_until 'the one tells all' heard_all "$TMP/live.one" && pass 'live clients of the one hear all of them'
wait_until 'the other tells all' heard_all "$TMP/live.other" && pass 'and those of the other'
is 'each once' "$(grep -o '"energy_kwh":3[0-9][0-9]' "$TMP/live.one" | sort -u | wc -l) $(grep -o '"energy_kwh":3[0-9][0-9]' "$TMP/live.other" |
  wc -l)" '20 20'
took() { metric smartmeter_readings_accepted_total; }
note "the one took $(took), the other $(at_other took)"
is 'both took some' "$(($(took) > 0)) $(($(at_other took) > 0))" '1 1'
last_kwh() { api GET /api/devices && python3 -c 'import json, sys
print(*(float(d["last_reading"]["energy_kwh"]) for d in json.load(sys.stdin)["devices"] if d["device_id"] == "flat-0"))' <<<"$API_BODY"; }
is_last() { [[ $(last_kwh) == "$1" ]]; }
wait_until 'the one knows the last' is_last 319.0 && pass 'the last reading is the same at the one'
at_other wait_until 'the other knows the last' is_last 319.0 && pass 'and at the other'
anybody=$(mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t smartmeter/live/x -m "S flat-0 $(reading flat-0 "$(at_seconds 1)" 999)" 2>&1 || true)
note "somebody who is no server: ${anybody:-silently refused}"

# --- an alert, once -------------------------------------------------------------------------------------------------------
api PUT /api/devices/flat-0/thresholds '{"thresholds": {"voltage_high": {"for_s": 0, "clear_s": 0}}}' || fail 'thresholds' "$API_BODY"
at_other api PUT /api/devices/flat-1/thresholds '{"thresholds": {"voltage_high": {"for_s": 0, "clear_s": 0}}}' || fail 'thresholds' "$API_BODY"
for device in flat-0 flat-1; do
  for ((i = 0; i < 8; i++)); do told "$device" "$((60 - i))" 270 "$((320 + i))"; done | publish_lines "meters/$device/telemetry"
done
alert_count() { ledger_sql "SELECT count(*) FROM alert WHERE kind = 'voltage_high'"; }
has_alerts() { (($(alert_count) >= 2)); }
wait_until 'the alerts open' has_alerts
told_alert() { grep -q '"type":"alert".*"device_id":"flat-0"' "$1"; }
wait_until 'the one tells it' told_alert "$TMP/live.one" && pass 'live clients of the one hear of an alert'
wait_until 'the other tells it' told_alert "$TMP/live.other" && pass 'and those of the other'
is 'there is one alert a meter' "$(alert_count)" 2
is 'nobody else can tell servers anything' "$(cat "$TMP/live.one" "$TMP/live.other" | grep -c 999)" 0

# --- an acknowledgement, once ---------------------------------------------------------------------------------------------
stdbuf -oL mosquitto_sub -d -h 127.0.0.1 -p "$MQTT_PORT" -t meters/flat-2/ack -q 1 >"$TMP/acks" 2>>"$TMP/log/acks.log" &
wait_until 'the meter listens' grep -q SUBACK "$TMP/acks"
acked() { grep -q "\"seq\":$1}" "$TMP/acks"; }
for ((i = 1; i <= 8; i++)); do
  tell flat-2 "$((60 - i))" 230 "$((320 + i))" ", \"epoch\": 7, \"seq\": $i, \"seq_first\": 1"
  wait_until "$i is acknowledged" acked "$i" || break
done
is 'each reading is acknowledged once' "$(grep -c '^{' "$TMP/acks")" 8

# --- killed in turn, restarted in turn, while meters send -----------------------------------------------------------------
add_devices plain "$PLAIN_METERS"
add_devices seq "$SEQ_METERS"
# None contradicts itself: which of two readings under one key is the first is for the broker to choose, where two servers take them.
start_meters --rate 300 --other 0
wait_until 'some are acknowledged' meters_acked 200
first=$(random_below 2)
for ((k = first; k < first + lives; k++)); do
  pause_ms "$(random_below 300)"
  if ((k % 2 == 0)); then end_child other KILL || true; else kill_server; fi
  if ((k % 2 == 0)); then is_left=at_one; else is_left=at_other; fi
  meters_go_on 200
  $is_left wait_until 'its client id is drained' slots_are 1 && pass "what the dead one's session held is taken over"
  ok 'one leads' $is_left leads
  if ((k % 2 == 0)); then launch_other && other_is_ready; else launch_again && one_is_ready; fi
  meters_go_on 100
done
# A rolling restart: one after the other, and neither is ever missed.
for name in server other; do
  end_child "$name" TERM || fail "$name stops by itself"
  meters_go_on 100
  if [[ $name == server ]]; then
    ok 'the other is ready meanwhile' at_other server_says 200 /readyz
    launch_again
    one_is_ready
  else
    ok 'the one is ready meanwhile' server_says 200 /readyz
    launch_other
    other_is_ready
  fi
done
stop_meters
login
all_is_there 'asked of the one'
at_other all_is_there 'asked of the other'
wait_until 'both serve a client id' slots_are 2 && pass 'both serve a client id again'
is 'nothing was refused' "$(ledger_sql 'SELECT count(*) FROM reject')" 0
is 'still one alert a meter' "$(alert_count)" 2
is 'still each month once' "$(ledger_sql 'SELECT count(*), count(DISTINCT (account_no, month)) FROM invoice')" "$((3 * accounts)) $((3 * accounts))"
ok 'nothing is wrong' quietly doctor
stop_both
finish
