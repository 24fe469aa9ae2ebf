#!/usr/bin/env bash
# A month of billing by somebody at the command line: accounts and payments from tables, each account by its own name, a supplier's
# bill, invoices issued, corrected and taken back, and what each command says when it is asked for something that is not so.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# says ARGUMENT...: all that the program says, also when it fails. quietly ARGUMENT...: its words into a log.
says() { smartmeter "$@" 2>&1 || true; }
quietly() { smartmeter "$@" >>"$TMP/log/cli.log" 2>&1; }

for device in main f101 f102; do quietly device add --id "$device" || fail "$device is added"; done
cat >"$TMP/accounts.csv" <<'CSV'
account,person,place,from,to,device,load_kw,opening_balance
101,Asha Rao,Flat 101,2026-01-01,,f101,3,150.25
102-old,Ravi Iyer,Flat 102,2026-01-01,2026-02-01,f102,5,-20
102,Meena,Flat 102,2026-02-01,,f102,5,
CSV
ok 'accounts come in' quietly account import "$TMP/accounts.csv"
printf 'account,person,device\n103,Om,f101\n' >"$TMP/wrong.csv"
like 'a meter that serves somebody else is told in a sentence' "$(says account import "$TMP/wrong.csv")" \
  'line 2, device is a meter that serves another account in these days with the same sign'
list=$(smartmeter account list)
like 'they are listed with own name, person, meter, tariff and what is owed' "$list" \
  '101 +a_[a-z0-9]+ +Asha Rao +Flat 101 +150.25  f101  LT-1 Domestic, from 2026-01-01'
is 'and as JSON' "$(json .accounts.1.name "$(smartmeter account list --json)") $(json .accounts.1.balance "$(smartmeter account list --json)")" \
  '102-old -20.00'

# 700 kWh in 101 and 900 in 102, in January and February, hour by hour.
python3 -c '
import datetime
zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
begin, end = datetime.datetime(2026, 1, 1, tzinfo=zone), datetime.datetime(2026, 3, 1, tzinfo=zone)
print("device_id,timestamp,voltage,current,power_w,energy_kwh")
for device, start, use in (("main", 5000, 2200), ("f101", 1000, 700), ("f102", 2000, 900)):
    at = begin - datetime.timedelta(hours=1)
    while at <= end + datetime.timedelta(hours=1):
        part = min(max((at - begin) / (end - begin), 0), 1)
        print(f"{device},{at.isoformat()},230,1,100,{start + use * part:.3f}")
        at += datetime.timedelta(hours=1)' >"$TMP/readings.csv"
ok 'readings come in' quietly import "$TMP/readings.csv"

# --- a month ---
like 'a month without anything says why' "$(says bill --month 2024-01 --dry-run)" \
  'no account has a day in 2024-01: the first one begins on 2026-01-01'
like 'January would be two invoices' "$(says bill --month 2026-01 --dry-run)" '2026-01: 2 to issue'
ok 'it is issued' quietly bill --month 2026-01

# --- payments ---
pay=(payment add --account 101 --amount 500 --reference 'UTR 1')
ok 'a payment by own name and day' quietly "${pay[@]}" --received 2026-02-10
like 'again it is the same' "$(says "${pay[@]}" --received 2026-02-10)" 'which was there already'
like 'a day to come is told as that' "$(says payment add --account 101 --amount 1 --reference x --received 2199-01-01)" \
  'received is 2199-01-01T00:00:00\+05:30, which is yet to come'
like 'and what is no day' "$(says payment add --account 101 --amount 1 --reference x --received 10.02.2026)" \
  'give a day such as 2026-02-15, or a time such as'
like 'a place with two accounts is not guessed at' "$(says payment add --account 'Flat 102' --amount 1 --reference x)" \
  "'Flat 102' means several: say which, 102-old .to 2026-02-01., 102 .from 2026-02-01."
like 'nor what is not there' "$(says payment list --account 109)" "account '109' is not there"
cat >"$TMP/payments.csv" <<'CSV'
account,amount,received,reference,method
102-old,2738,2026-02-12,UTR 2,bank
Flat 101,514,2026-02-12,UTR 3,cash
CSV
like 'a table of payments' "$(says payment import "$TMP/payments.csv")" '^2 payments added, 3252.00 INR; 0 were there already'
like 'once' "$(says payment import "$TMP/payments.csv")" '^0 payments added, 0.00 INR; 2 were there already'

# --- the supplier's bill ---
bill=(utility add --supplier BESCOM --number 77/1 --from 2026-01-01 --to 2026-02-01 --kwh 1160 --amount 8000 --tax 720 --split equal
  --main-meter main)
like 'it is entered, and what comes back shown' "$(says "${bill[@]}" --account 101 --account 102-old)" \
  'cost 8720.00 = energy 6341.82 \+ common 2378.18'
like 'a second time it is refused, and the first named' "$(says "${bill[@]}")" 'entered already, as b_[a-z0-9]+ of BESCOM 77/1'
like 'also typed in otherwise' "$(says utility add --supplier 'Bangalore Electricity' --number ' 77 / 1' --from 2026-01-01 \
  --to 2026-02-01 --kwh 1 --amount 1 --split use --main-meter main)" 'entered already'
like 'what is missing is named' "$(says utility add --supplier X --number 1 --from 2026-01-01)" '--to is required: the day after the last'
like 'it is posted' "$(says utility post --bill 77/1)" 'its common part is on the accounts'
like 'once' "$(says utility post --bill 77/1)" 'is posted already'
like 'and not cancelled then' "$(says utility cancel --bill 77/1 --why x)" 'smartmeter utility reverse'
like 'the entries say what they are for, from the first word on' "$(smartmeter payment list --account 101)" \
  'common +1189.09 +2339.34  Common area, BESCOM 77/1'
ok 'it is taken back' quietly utility reverse --bill 77/1 --why 'the pump is on the main meter'
list=$(smartmeter payment list --account 101)
like 'with what it was taken back for' "$list" '[0-9T:-]+\+05:30 +reversal +-1189.09 +1150.25  takes back 8, the pump is on the main meter'
like 'under the own name of the account' "$list" '^account 101 .a_'
like 'a bill that is not there' "$(says utility show --bill 78)" 'there is no utility bill 78'
ok 'the list has it' quietly utility list --json

# --- corrections ---
ok 'February is issued' quietly bill --month 2026-02
edge=(reading correct --device f101 --at 2026-02-01T00:00:00+05:30 --kwh 1367.7 --why misread)
like "a reading on a month's edge names both invoices" "$(says "${edge[@]}")" \
  'SM[0-9]+-000001 .2026-01., SM[0-9]+-000003 .2026-02.'
second=$(smartmeter payment list --account 101 | sed -n 's/.* \(SM[0-9]*-000003\)$/\1/p')
first=${second/000003/000001}
draft='{"name": "LT-1 Domestic", "effective_from": "2026-01-01", "slabs": [{"up_to_kwh": null, "rate": "5.00"}],
  "fixed_charge": "10.00", "taxes": []}'
printf '%s' "$draft" >"$TMP/draft.json"
preview=$(smartmeter tariff preview "$TMP/draft.json" --month 2026-01)
like 'a preview shows the invoices that were issued' "$preview" "f101 +367.797 +2014.00 +1848.99 +-165.01  $first"
ok 'an invoice is taken back' quietly bill credit "$first" --reason misread
preview=$(smartmeter tariff preview "$TMP/draft.json" --month 2026-01)
like 'and says what it computed' "$preview" 'f101 .* computed now'
like 'in the sum too' "$preview" '1 as invoiced, 1 computed now'
like 'a tariff that is not there is named' "$(says tariff preview "$TMP/draft.json" --month 2026-01 --on Nope)" "there is no tariff 'Nope'"
ok 'the other month is taken back' quietly bill credit "$second" --reason misread
ok 'then the reading is corrected' quietly "${edge[@]}"
ok 'both are issued again' quietly bill --month 2026-01 --account 101 --reissue --reason misread
ok 'by place as well' quietly bill --month 2026-02 --account 'Flat 101' --reissue --reason misread

# --- a tariff billed again, after a tenancy's end too ---
confirm=$(json .confirm "$(smartmeter tariff set "$TMP/draft.json" --rebill --json)")
like 'it says that the exceptions wait, and where' "$(says tariff set "$TMP/draft.json" --rebill --confirm "$confirm")" \
  'waits for a word: .smartmeter exception list --state open. shows them'
is 'four do' "$(json .exceptions.# "$(smartmeter exception list --state open --json)")" 4
ok 'they are to go on the next invoice' quietly exception true_up --no all --why 'the regulator said so'
like 'where there is none, the last one is issued again with it' "$(says bill --recheck)" \
  '1 last invoices of ended tenancies issued again'
like 'so that the balance has it' "$(smartmeter payment list --account 102-old)" 'owes -383.59 INR'
again=$(says bill --recheck)
like 'and nothing is found a second time' "$again" ' 0 differ .0 go on the next invoice., 0 failed$'
ok 'the data is whole' quietly doctor
ok 'the audit log too' quietly audit verify
finish
