#!/usr/bin/env bash
# Edits of readings: a wild stretch voided and a register read by hand, beside a running server. The bill follows, the readings
# stay as they came, everything says who, when and why, and what is invoiced is not edited.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

RESIDENT=resident@example.org
RESIDENT_PASSWORD='plain horse battery staple'
bill='/api/billing/m1?month=2026-01'
edits=/api/devices/m1/edits
raw='/api/devices/m1/readings?from=2025-12-31T00:00:00Z&to=2026-03-01T00:00:00Z'

# quietly ARGUMENT...: the program, its words into a log.
quietly() { smartmeter "$@" >>"$TMP/log/cli.log"; }

start_broker
start_server
printf '%s\n' "$RESIDENT_PASSWORD" |
  smartmeter user add --email "$RESIDENT" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 ||
  fail 'a resident is added' "$(<"$TMP/log/user.log")"
login
ok 'a meter is added for them' api POST /api/devices "$(json_object device_id m1 owner "$RESIDENT")"

# January: 1000 to 1350 kWh, with three wild readings that agree in the middle.
points=(
  2025-12-31T23:50 1000 2026-01-01T00:00 1000 2026-01-15T10:00 1100
  2026-01-15T10:10 5000 2026-01-15T10:20 5000.1 2026-01-15T10:30 5000.2
  2026-01-15T10:40 1100.1 2026-01-15T10:50 1100.2 2026-01-15T11:00 1100.3
  2026-02-01T00:00 1350 2026-02-01T00:10 1350.1 2026-02-01T00:20 1350.2 2026-02-01T12:00 1355
)
for ((i = 0; i < ${#points[@]}; i += 2)); do
  publish meters/m1/telemetry "$(reading m1 "${points[i]}:00+05:30" "${points[i + 1]}")"
done
all_are_stored() { api GET "$raw" && [[ $(json .readings.#) == 13 ]]; }
wait_until 'all readings are stored' all_are_stored
before=$API_BODY

api GET "$bill"
is 'the wild stretch is in the bill: a jump and a reset' "$(json .events.#) $(json .estimated)" '2 true'
is 'no edits are in it' "$(json .edits)" ''

for minute in 10 20 30; do
  ok "the reading of 10:$minute is voided beside the server" \
    quietly reading void --device m1 --at "2026-01-15T10:$minute:00+05:30" --why 'supply fault'
done
api GET "$bill"
is 'the bill is the right one' "$(json .total) $(json .estimated) $(json .events.#)" '1888.00 false 0'
is 'it says what it stands on' "$(json .edits.#) $(json .edits.0.kind) $(json .edits.0.before_kwh) $(json .edits.0.reason)" \
  '3 void 5000 supply fault'
api GET "$raw"
is 'the readings are as they came' "$API_BODY" "$before"

login "$RESIDENT" "$RESIDENT_PASSWORD"
api GET "$edits"
is 'the resident sees the edits, and a role for a name' "$(json .edits.#) $(json .edits.0.by) $(json .edits.0.by_user)" '3 operator '
is 'but makes none' "$(api_is POST "$edits" 403 '{"at": "2026-01-15T10:00:00+05:30", "kind": "void", "reason": "mine"}' && echo 403)" 403
login

hand='{"at": "2026-01-20T18:00:00+05:30", "kind": "manual", "kwh": 1200, "reason": "read together at the door"}'
ok 'a register that was read by hand is added' api POST "$edits" "$hand"
number=$(json .no)
is 'it is answered with who and why' "$(json .by) $(json .after_kwh) $(json .reason)" 'admin 1200 read together at the door'
ok 'the same instant again is refused' api_is POST "$edits" 409 "$hand"
api GET '/api/devices/m1/readings?agg=1M&from=2026-01-01T00:00:00%2B05:30&to=2026-02-01T00:00:00%2B05:30'
is 'the month adds up with it' "$(json .readings.0.energy_kwh)" 350
api GET '/api/devices/m1/readings?agg=1d&from=2026-01-16T00:00:00%2B05:30&to=2026-01-20T00:00:00%2B05:30'
day=$(json .readings.0.energy_kwh)
like 'an edit that is not there' "$(smartmeter reading withdraw --device m1 --edit 99 --why x 2>&1)" 'm1 has no edit 99'
like 'a register that no meter shows' "$(smartmeter reading add --device m1 --at 2026-01-20T18:00:01+05:30 --kwh 99999 --why x 2>&1)" \
  'from 0 to 10000, where this meter starts over'
ok 'it is withdrawn' quietly reading withdraw --device m1 --edit "$number" --why 'another flat'
api GET '/api/devices/m1/readings?agg=1d&from=2026-01-16T00:00:00%2B05:30&to=2026-01-20T00:00:00%2B05:30'
ok 'and the days are others than with it' test "$day" != "$(json .readings.0.energy_kwh)"
list=$(smartmeter reading list --device m1 --json)
is 'the list has what holds' "$(json .edits.# "$list") $(json .edits.2.by "$list")" '3 cli'
list=$(smartmeter reading list --device m1 --all --json)
is 'and on demand what was taken back, and why' "$(json .edits.# "$list") $(json .edits.3.withdrawn.reason "$list")" '4 another flat'
# By hand in the middle of the month, with the meter's own before and after it.
# states WHEN KWH: an edit that is withdrawn again at once; leaves SAID.
states() {
  SAID=$(smartmeter reading add --device m1 --at "$1" --kwh "$2" --why 'tried out')
  quietly reading withdraw --device m1 --edit "$(sed -n 's/^edit \([0-9]*\) of m1$/\1/p' <<<"$SAID")" --why 'tried out'
}
states 2026-01-15T10:55:00+05:30 1100.25
like 'a register in line is believed' "$SAID" 'bills believe it'
states 2026-02-01T00:15:00+05:30 1900
like 'one that its neighbours overrule is not' "$SAID" 'bills do not believe it'

kill_server
start_server
login
api GET "$bill"
is 'after SIGKILL all of it holds' "$(json .total) $(json .edits.#)" '1888.00 3'

ok 'January is issued' quietly bill --month 2026-01
if smartmeter reading void --device m1 --at 2026-01-15T11:00:00+05:30 --why late 2>"$TMP/late.txt"; then status=0; else status=$?; fi
is 'what is invoiced is not edited' "$status" 1
like 'and it says which invoice' "$(<"$TMP/late.txt")" 'invoiced, by SM[0-9]+-000001 .2026-01.'
ok 'nor is an edit of it withdrawn' api_is POST "$edits/1/withdraw" 409 '{"reason": "late"}'
ok 'nor the reading that its last register is taken from' api_is POST "$edits" 409 \
  '{"at": "2026-02-01T00:00:00+05:30", "kind": "correct", "kwh": 1349, "reason": "late"}'
api GET /api/invoices/m1
api GET "/api/invoices/m1/$(json .invoices.0.number)"
is 'the invoice says what it stands on' "$(json .total) $(json .bill.edits.#) $(json .bill.edits.2.by)" '1888.00 3 operator'
ok 'the audit log is whole' quietly audit verify
finish
