#!/usr/bin/env bash
# What happens to an invoice after issue, to the paisa, over HTTP and the command line beside a running server: paid in part, late,
# disputed, taken back, corrected and issued again; readings that come late and go on the next invoice.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

RESIDENT=resident@example.org
RESIDENT_PASSWORD='plain horse battery staple'

# quietly ARGUMENT...: the program, its words into a log.
quietly() { smartmeter "$@" >>"$TMP/log/cli.log" 2>&1; }

# The program reads .env in its folder: what is overdue is so on the day of issue, and costs 2 %.
printf '%s\n' SMARTMETER_DUE_DAYS=0 SMARTMETER_LATE_FEE_PERCENT=2 SMARTMETER_BILLING_JOB=0 >"$TMP/.env"

start_broker
start_server
printf '%s\n' "$RESIDENT_PASSWORD" |
  smartmeter user add --email "$RESIDENT" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 ||
  fail 'a resident is added' "$(<"$TMP/log/user.log")"
login
ok 'a meter of theirs' api POST /api/devices "$(json_object device_id m1 owner "$RESIDENT")"
ok 'and another one' api POST /api/devices "$(json_object device_id m2 owner "$RESIDENT")"

# tell DEVICE TIME KWH...: readings, on the clock of Kolkata.
tell() {
  local device=$1
  shift
  for ((; $# > 1;)); do
    publish "meters/$device/telemetry" "$(reading "$device" "$1:00+05:30" "$2")"
    shift 2
  done
}
# has DEVICE COUNT: so many readings of it are stored.
has() {
  api GET "/api/devices/$1/readings?from=2025-12-01T00:00:00Z&to=2026-06-01T00:00:00Z" && [[ $(json .readings.#) == "$2" ]]
}

# m1 falls silent at 80 kWh on the 20th of January; m2 uses 100.
tell m1 2025-12-31T23:50 1000 2026-01-01T00:00 1000 2026-01-10T00:00 1040 2026-01-20T00:00 1080
tell m2 2025-12-31T23:50 500 2026-01-01T00:00 500 2026-02-01T00:00 600 2026-02-01T00:10 600
wait_until 'the readings of m1 are stored' has m1 4
wait_until 'the readings of m2 are stored' has m2 4

# --- issued ---
ok 'January is issued' quietly bill --month 2026-01
api GET /api/invoices/m1
first=$(json .invoices.0.number) account=$(json .invoices.0.account_id)
is 'm1 owes for 80 kWh' "$(json .invoices.0.total) $(json .invoices.0.status) $(json .invoices.0.paid)" '389.40 overdue 0.00'
api GET /api/invoices/m2
other=$(json .invoices.0.number) neighbour=$(json .invoices.0.account_id)
is 'm2 for 100' "$(json .invoices.0.total)" 472.00

# balance ACCOUNT: what it owes.
balance() { api GET "/api/accounts/$1/entries" && json .balance; }
# status DEVICE PLACE: of its invoice there.
status() { api GET "/api/invoices/$1" && json ".invoices.$2.status"; }

# --- paid in part ---
pay=/api/accounts/$account/payments
part='{"amount": "100.00", "received_at": "2026-02-01T10:00:00+05:30", "method": "upi", "reference": "UTR 1"}'
ok 'a part is paid' api_is POST "$pay" 201 "$part"
is 'and owed is the rest' "$(balance "$account")" 289.40
ok 'sent twice it is the same one' api_is POST "$pay" 200 "$part"
is 'and counted once' "$(balance "$account")" 289.40
ok 'another amount under the reference is refused' api_is POST "$pay" 409 "${part/100.00/200.00}"
ok 'nothing is no payment' api_is POST "$pay" 422 "${part/100.00/0.00}"
like 'nor is a tenth of a paisa' \
  "$(smartmeter payment add --account "$account" --amount 1.001 --reference x 2>&1)" 'at most 2 decimals'

# --- disputed, and late ---
login "$RESIDENT" "$RESIDENT_PASSWORD"
ok 'the resident disputes the other invoice' api_is POST "/api/invoices/m2/$other/dispute" 201 '{"text": "The lift is on my meter"}'
dispute=$(json .no)
is 'its explanation is kept with it' "$(json .explanation.totals.total) $(json .explanation.invoice.number)" "472.00 $other"
ok 'once' api_is POST "/api/invoices/m2/$other/dispute" 409 '{"text": "again"}'
ok 'and pays nothing by their own word' api_is POST "$pay" 403 "$part"
login
is 'the late fee is added where nothing is disputed' "$(smartmeter bill --fees)" '1 late fees'
is '2 % of what is owed' "$(balance "$account")" 295.19
is 'and none on the other' "$(balance "$neighbour")" 472.00
is 'nor twice' "$(smartmeter bill --fees)" '0 late fees'

# --- taken back, corrected, issued again ---
edit=(reading add --device m1 --at 2026-01-25T00:00:00+05:30 --kwh 1085 --why 'read at the door')
like 'what is invoiced is not edited' "$(smartmeter "${edit[@]}" 2>&1)" 'smartmeter bill credit'
is 'the invoice is taken back' "$(smartmeter bill credit "$first" --reason 'a reading is missing')" \
  'CN2627-000001  credit note for 2026-01  389.40 INR'
is 'once' "$(smartmeter bill credit "$first" --reason 'again' 2>&1 | sed 's/^smartmeter: //')" "$first is taken back already"
is 'with its late fee, so that the payment is a credit' "$(balance "$account")" -100.00
is 'and it is cancelled' "$(status m1 0)" cancelled
ok 'the monthly run keeps away from it' quietly bill --month 2026-01
ok 'then the reading is added' quietly "${edit[@]}"
ok 'and the month is issued again' api_is POST /api/invoices/m1 201 '{"month": "2026-01", "reason": "read at the door"}'
second=$(json .number)
is 'with the difference shown' "$(json .total) $(json .bill.difference.previous) $(json .bill.difference.difference)" \
  "410.05 $first 20.65"
is 'the payment is on it' "$(json .paid)" 100.00
is 'the rest is owed' "$(balance "$account")" 310.05
# page NUMBER: the status of its PDF.
page() { curl -sS -o "$TMP/page.pdf" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$API/api/invoices/m1/$1.pdf"; }
is 'the new one has its page, and the credit note' "$(page "$second") $(page CN2627-000001)" '200 200'
ok 'a month is not issued over a valid invoice' api_is POST /api/invoices/m1 409 '{"month": "2026-01", "reason": "x"}'

# --- late data ---
kill_server
start_server
login
tell m1 2026-02-01T00:00 1095 2026-02-01T00:10 1095 2026-03-01T00:00 1145 2026-03-01T00:10 1145
wait_until 'the late readings are stored' has m1 8
is 'January differs by them' "$(smartmeter bill --recheck --month 2026-01)" \
  '2 invoices looked at, 1 differ (1 go on the next invoice), 0 failed'
api GET '/api/exceptions'
is 'by ten kWh' "$(json .exceptions.0.invoice) $(json .exceptions.0.net) $(json .exceptions.0.taxes.0.amount) $(json .exceptions.0.state)" \
  "$second 35.00 6.30 true_up"
is 'looked at again it is the same' "$(smartmeter bill --recheck --month 2026-01)" \
  '2 invoices looked at, 0 differ (0 go on the next invoice), 0 failed'
is 'nothing of it is owed yet' "$(balance "$account")" 310.05
ok 'February is issued' quietly bill --month 2026-02
api GET /api/invoices/m1
third=$(json .invoices.3.number)
is 'with the correction on it' "$(json .invoices.3.month) $(json .invoices.3.total)" '2026-02 306.80'
api GET "/api/invoices/m1/$third"
is 'as lines of its own' "$(json .bill.lines.2.name) $(json .bill.lines.2.amount) | $(json .bill.lines.4.name) $(json .bill.lines.4.amount)" \
  'GST 40.50 | GST, correction of 2026-01 6.30'
api GET '/api/exceptions'
is 'settled by it' "$(json .exceptions.0.settled_by)" "$third"
is 'all of it is owed' "$(balance "$account")" 616.85
is 'and once' "$(smartmeter bill --recheck --month 2026-01)" \
  '2 invoices looked at, 0 differ (0 go on the next invoice), 0 failed'

# --- resolved, and paid ---
ok 'the dispute is resolved' api_is POST "/api/disputes/$dispute/resolve" 200 '{"text": "The lift has its own meter"}'
is 'the day of a dispute does not count' "$(smartmeter bill --fees)" '3 late fees'
is 'so that the other January has no fee' "$(balance "$neighbour")" 532.18
is 'and both invoices of m1 have' "$(balance "$account")" 629.19
ok 'all is paid' quietly payment add --account "$account" --amount 629.19 --reference 'UTR 2' --method bank
is 'nothing is owed' "$(balance "$account")" 0.00
is 'and the invoices say so' "$(status m1 0) $(status m1 2) $(status m1 3)" 'cancelled paid paid'
like 'as the list does' "$(smartmeter payment list --account "$account")" 'owes 0.00 INR'
ok 'it bounces' quietly payment reverse --account "$account" --entry "$(smartmeter payment list --account "$account" --json |
  sed -n 's/.*"no":\([0-9]*\),"kind":"payment","amount":"-629.19".*/\1/p')" --why bounced
is 'and is owed again' "$(balance "$account")" 629.19

# --- a tariff billed again ---
sed 's/"3.50"/"4.00"/' >"$TMP/tariff.json" <<'JSON'
{"name": "LT-1 Domestic", "effective_from": "2026-01-01", "rebill": true,
 "slabs": [{"up_to_kwh": 100, "rate": "3.50"}, {"up_to_kwh": 300, "rate": "4.50"}, {"up_to_kwh": null, "rate": "6.00"}],
 "fixed_charge": "50.00", "taxes": [{"name": "GST", "percent": "18"}]}
JSON
ok 'without a word it is refused' api_is POST /api/tariffs 409 "$(sed 's/"rebill": true,//' "$TMP/tariff.json")"
ok 'with one it lists what it would change' api_is POST /api/tariffs 200 "$(<"$TMP/tariff.json")"
confirm=$(json .confirm)
is 'four invoices' "$(json .count)" 4
like 'the command line says the same' "$(smartmeter tariff set "$TMP/tariff.json" --rebill)" "4 invoices; .*--confirm $confirm"
ok 'agreed to, it is added' quietly tariff set "$TMP/tariff.json" --rebill --confirm "$confirm"
api GET '/api/exceptions?state=open'
is 'what differs is to be decided' "$(json .exceptions.#)" 3
ok 'all at once' quietly exception true_up --no all --why 'the regulator said so'
api GET '/api/exceptions?state=open'
is 'and nothing is open' "$(json .exceptions.#)" 0

ok 'the data is whole' quietly doctor
ok 'the audit log too' quietly audit verify
finish
