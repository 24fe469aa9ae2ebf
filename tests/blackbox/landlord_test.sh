#!/usr/bin/env bash
# A landlord's month by HTTP and command line: accounts and opening balances by file, a tariff tried out, the month issued and
# explained, the utility's bill recovered, the common area put on the accounts and taken back, grid and generator side by side.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

RESIDENT=asha@example.org
RESIDENT_PASSWORD='plain horse battery staple'

# quietly ARGUMENT...: the program, its words into a log.
quietly() { smartmeter "$@" >>"$TMP/log/cli.log"; }

start_broker
start_server SMARTMETER_BILLING_JOB=0
login
for device in main f101 f102 grid201 dg201; do
  api POST /api/devices "$(json_object device_id "$device")" || fail "$device is added" "$API_BODY"
done
ok 'a tariff for the generator' api POST /api/tariffs '{"name": "Generator", "effective_from": "2026-01-01",
  "slabs": [{"up_to_kwh": null, "rate": "18.00"}], "fixed_charge": "0.00", "taxes": []}'

# --- accounts by file ---
cat >"$TMP/accounts.csv" <<'CSV'
account,person,place,email,from,device,load_kw,tariff,opening_balance
101,Asha Rao,Flat 101,asha@example.org,2026-01-01,f101,3,,150.25
102,"Iyer, Ravi",Flat 102,,2026-01-01,f102,5,,-20
201-grid,Meena,Flat 201,meena@example.org,2026-01-01,grid201,2,LT-1 Domestic,
201-dg,Meena,Flat 201,meena@example.org,2026-01-01,dg201,2,Generator,
CSV
sed 's/f102/f109/; s/2026-01-01,dg201/01.01.2026,dg201/' "$TMP/accounts.csv" >"$TMP/wrong.csv"
if smartmeter account import "$TMP/wrong.csv" 2>"$TMP/wrong.txt"; then status=0; else status=$?; fi
is 'a file with mistakes is refused' "$status" 1
like 'by line and column, with the remedy' "$(<"$TMP/wrong.txt")" 'line 3, device .f109. is not there: add it'
like 'all of them' "$(<"$TMP/wrong.txt")" 'line 5, from is .01.01.2026.: give a date'
api GET /api/accounts
is 'and nothing of it came in' "$(json .accounts.#)" 0
like 'a dry run tells what would come' "$(smartmeter account import "$TMP/accounts.csv" --dry-run)" \
  '^4 accounts would be added with 4 meters and 130.25 INR'
api GET /api/accounts
is 'and keeps nothing' "$(json .accounts.#)" 0
is 'the file comes in' "$(json .added "$(smartmeter account import "$TMP/accounts.csv" --json)")" 4
is 'once' "$(json .known "$(smartmeter account import "$TMP/accounts.csv" --json)")" 4
api GET /api/accounts
is 'four accounts are there' "$(json .accounts.#) $(json .accounts.1.person)" '4 Iyer, Ravi'
a101=$(json .accounts.0.account_id) a102=$(json .accounts.1.account_id)
printf '%s\n' "$RESIDENT_PASSWORD" |
  smartmeter user add --email "$RESIDENT" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 ||
  fail 'the resident who was named gets a password' "$(<"$TMP/log/user.log")"

# --- a month of readings: 350 kWh in 101 and 102, 100 from the grid and 10 from the generator in 201, 900 at the main meter ---
# month DEVICE START USE: registers around the edges of January, an hour apart in between.
month() {
  python3 -c '
import datetime, json, sys
device, start, use = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
begin, end = datetime.datetime(2026, 1, 1, tzinfo=zone), datetime.datetime(2026, 2, 1, tzinfo=zone)
hour = datetime.timedelta(hours=1)
at, readings = begin - hour, []
while at <= end + hour:
    part = min(max((at - begin) / (end - begin), 0), 1)
    readings.append({"device_id": device, "timestamp": at.isoformat(), "voltage": 230, "current": 1, "power_w": 100,
                     "energy_kwh": round(start + use * part, 3)})
    at += hour
for i in range(0, len(readings), 400):
    print(json.dumps(readings[i:i + 400]))' "$@" | publish_lines "meters/$1/telemetry"
}
month f101 1000 350
month f102 2000 350
month grid201 500 100
month dg201 20 10
month main 5000 900
stored() { api GET "/api/billing/$1?month=2026-01" && [[ $(json .consumption_kwh) == "$2" ]]; }
wait_until 'the month of 101 is stored' stored f101 350
wait_until 'the month of the generator is stored' stored dg201 10
api_main() { api GET '/api/devices/main/readings?agg=1M&from=2026-01-01T00:00:00%2B05:30&to=2026-02-01T00:00:00%2B05:30' &&
  [[ $(json .readings.0.energy_kwh) == 900 ]]; }
wait_until 'the month of the main meter is stored' api_main

# --- a tariff tried out ---
draft='{"name": "LT-1 Domestic", "effective_from": "2027-01-01", "slabs": [{"up_to_kwh": null, "rate": "5.00"}],
  "fixed_charge": "10.00", "taxes": []}'
ok 'a draft tariff on one account' api POST /api/tariffs/preview \
  "{\"tariff\": $draft, \"month\": \"2026-01\", \"device_id\": \"f101\"}"
is 'old, new and difference' "$(json .accounts.0.old_total) $(json .accounts.0.new_total) $(json .accounts.0.difference)" \
  '1888.00 1760.00 -128.00'
printf '%s' "$draft" >"$TMP/draft.json"
preview=$(smartmeter tariff preview "$TMP/draft.json" --month 2026-01 --on 'LT-1 Domestic' --json)
is 'and on all that are on it, by the command line' "$(json .sums.accounts "$preview")" 3
preview=$(smartmeter tariff preview "$TMP/draft.json" --month 2026-01 --json)
is 'or on all accounts' "$(json .sums.accounts "$preview") $(json .sums.new_total "$preview")" '4 4090.00'
ok 'a draft with a mistake is told by its path' api_is POST /api/tariffs/preview 422 \
  '{"tariff": {"name": "X", "effective_from": "2027-01-01", "slabs": [{"up_to_kwh": 5, "rate": "1"}, {"up_to_kwh": null, "rate": "x"}],
    "fixed_charge": "0", "taxes": []}, "month": "2026-01"}'
is 'to the slab' "$(json .errors.0.field)" 'tariff.slabs[1].rate'

# --- issued and explained ---
ok 'January is issued' quietly bill --month 2026-01
login "$RESIDENT" "$RESIDENT_PASSWORD"
ok 'the resident has it explained' api GET '/api/billing/f101/explain?month=2026-01'
printf '%s\n' "$(python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' <<<"$API_BODY")" >"$TMP/explained.json"
is 'with the invoice' "$(json .invoice.total) $(json .invoice.total_now) $(json .invoice.readings.changed)" '1888.00 1888.00 false'
is 'the arithmetic of a line' "$(json .lines.1.text)" '200.000 kWh × 4.50 = 900.00'
is 'the register at the edge' "$(json .meters.0.stretches.0.edges.0.rule) $(json .meters.0.stretches.0.edges.0.kwh)" 'register.read 1000'
like 'a program that shares no code computes the bill again from it' \
  "$("$SM_ROOT/tests/explain/recompute.py" - <"$TMP/explained.json")" '^1 explanations, 0 wrong'
ok 'not of a neighbour' api_is GET '/api/billing/f102/explain?month=2026-01' 404
ok 'nor the utility bills' api_is GET /api/utility-bills 403
login

# --- the utility's bill ---
bill='{"main_meter": "main", "supplier": "BESCOM", "number": "77/1", "from": "2026-01-01", "to": "2026-02-01", "kwh": 901,
  "amount": "6300.00", "tax": "567.01", "split": "load", "tariffs": ["Generator"]}'
ok 'it wants somebody to recover it from' api POST /api/utility-bills "$bill"
only=$(json .utility_id)
is 'those on a tariff' "$(json .accounts.#)" 1
ok 'a mistake is cancelled' api POST "/api/utility-bills/$only/cancel" '{"reason": "it is not for the generator"}'
api GET /api/accounts
named=$(python3 -c 'import json, sys
print(json.dumps([a["account_id"] for a in json.load(sys.stdin)["accounts"] if a["place"] != "Flat 201" or a["tariffs"][0]["name"] != "Generator"]))' <<<"$API_BODY")
bill=${bill/\"tariffs\": \[\"Generator\"\]/\"accounts\": $named}
ok 'and entered anew' api POST /api/utility-bills "$bill"
utility=/api/utility-bills/$(json .utility_id)
is 'energy side by side' "$(json .energy.billed_kwh) $(json .energy.main_kwh) $(json .energy.flats_kwh) $(json .energy.difference_kwh)" \
  '901 900 800 100'
# 6867.01 by 350 : 350 : 100 : 100 of 900; the paisa that is left over goes to the largest remainder, here the first
is 'the cost is parted' "$(json .accounts.0.energy_cost) $(json .accounts.1.energy_cost) $(json .accounts.2.energy_cost) $(json .money.common_cost)" \
  '2670.51 2670.50 763.00 763.00'
is 'what is common by load, 3 : 5 : 2' "$(json .accounts.0.common_cost) $(json .accounts.1.common_cost) $(json .accounts.2.common_cost)" \
  '228.90 381.50 152.60'
is 'own invoices beside it' "$(json .money.invoiced) $(json .money.cost) $(json .money.difference) $(json .money.not_invoiced)" \
  '4248.00 6867.01 -2619.01 0'
ok 'the same bill again is refused' api_is POST /api/utility-bills 409 "$bill"
ok 'the common part is put on the accounts' api POST "$utility/post"
ok 'once' api_is POST "$utility/post" 409
balance() { api GET "/api/accounts/$1/entries" && python3 -c 'import json, sys
entries = json.load(sys.stdin)["entries"]; print(entries[-1]["balance"], entries[-1]["kind"])' <<<"$API_BODY"; }
# 150.25 opening, 1888.00 invoice, 228.90 common
is 'they owe it' "$(balance "$a101")" '2267.15 common'
is 'and a credit is used up' "$(balance "$a102")" '2249.50 common'
kill_server
start_server SMARTMETER_BILLING_JOB=0
login
ok 'after SIGKILL it is still posted once' api_is POST "$utility/post" 409
ok 'it is taken back whole' api POST "$utility/reverse" '{"reason": "the pump was on the main meter"}'
is 'then they owe what they did' "$(balance "$a101")" '2038.25 reversal'

# --- grid and generator ---
ok 'one statement of a flat' api GET '/api/statements?place=Flat%20201&month=2026-01'
is 'grid and generator apart' "$(json .accounts.0.bill.consumption_kwh) $(json .accounts.0.total) $(json .accounts.1.bill.consumption_kwh) $(json .accounts.1.total)" \
  '100 472.00 10 180.00'
is 'and together' "$(json .sums.accounts) $(json .sums.total)" '2 652.00'
ok 'the audit log is whole' quietly audit verify
ok 'the doctor finds nothing' quietly doctor
finish
