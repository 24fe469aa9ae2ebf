#!/usr/bin/env bash
# The audit log: what is done is in it, and whoever changes it with the database open before them is found out.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

fails() {
  local status=0
  COMPLAINT=$("$@" 2>&1 >/dev/null) || status=$?
  [[ $status == 1 ]]
}

start_broker
start_server
login
api POST /api/devices '{"device_id": "m1", "owner": "tenant@example.org", "name": "Flat 1"}' || fail 'm1 is added' "$API_BODY"
python3 >"$TMP/m1.csv" <<'PYTHON'
import datetime
start = datetime.datetime(2025, 12, 31, 12, tzinfo=datetime.timezone.utc)
print("device_id,timestamp,voltage,current,power_w,energy_kwh")
for i in range(34 * 96):
    at = (start + datetime.timedelta(minutes=15 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"m1,{at},230,2,460,{1000 + i * 0.115:.3f}")
PYTHON
smartmeter import "$TMP/m1.csv" >/dev/null || fail 'a history is imported'
like 'a month is invoiced' "$(smartmeter bill --month 2026-01)" ': 1 issued'
kept_token=$TOKEN
api_is POST /api/auth/login 401 "$(json_object email "$ADMIN_EMAIL" password wrong-password-wrong)" || fail 'a wrong password' "$API_STATUS"
TOKEN=$kept_token

# --- what is in it -------------------------------------------------------------------------------------------------------
ok 'it is whole' smartmeter audit verify
smartmeter audit list --json >"$TMP/all.jsonl"
for action in user.add tariff.add device.add account.add invoice.issue login.failed; do
  ok "$action is in it" grep -q "\"action\":\"$action\"" "$TMP/all.jsonl"
done
is 'no address is in it' "$(grep -c -e tenant@ -e admin@ "$TMP/all.jsonl")" 0
is 'by subject' "$(smartmeter audit list --subject m1 --action device. | wc -l)" 1

# --- over the API --------------------------------------------------------------------------------------------------------
api GET '/api/audit?from=2020-01-01T00:00:00Z&limit=2' || fail 'the log is listed' "$API_BODY"
is 'a page of two' "$(json .entries.#)" 2
is 'from the first' "$(json .entries.0.no)" 1
first=$(json .entries.1.no) cursor=$(json .next)
api GET "/api/audit?from=2020-01-01T00:00:00Z&limit=2&cursor=$cursor" || fail 'the next page' "$API_BODY"
is 'goes on behind it' "$(json .entries.0.no)" "$((first + 1))"
api GET '/api/audit?from=2020-01-01T00:00:00Z&action=invoice.issue' || fail 'by action' "$API_BODY"
is 'by action' "$(json .entries.#)" 1
number=$(json .entries.0.subject) issue_no=$(json .entries.0.no) issue_hash=$(json .entries.0.hash)
api GET '/api/audit?verify=1&limit=1' || fail 'the chain is looked at' "$API_BODY"
is 'it is whole' "$(json .chain.whole)" true
is 'all is signed' "$(json .chain.signed)" "$(json .chain.checked)"
api_is GET '/api/audit?from=yesterday' 400 || fail 'a time that is none' "$API_STATUS"
api_is GET '/api/audit?cursor=abc' 400 || fail 'a cursor that is none' "$API_STATUS"

# --- settings ------------------------------------------------------------------------------------------------------------
stop_server || fail 'the server ends'
start_server SMARTMETER_LATE_FEE_FLAT=25.00 'SMARTMETER_SELLER_NAME=Sunrise Homes'
login
like 'a changed setting is in it' "$(smartmeter audit list --action settings.change | tail -n 1)" '"after":\{"SMARTMETER_LATE_FEE_FLAT":"25.00","SMARTMETER_SELLER_NAME":"Sunrise Homes"\}'
smartmeter audit list --json >"$TMP/all.jsonl"

# --- heads ---------------------------------------------------------------------------------------------------------------
smartmeter audit head >"$TMP/head"
like 'a head is one line' "$(<"$TMP/head")" '^smartmeter-audit-1 [0-9]+ [0-9a-f]{64} '
ok 'it fits' smartmeter audit verify --head "$TMP/head"
ok 'as text too' smartmeter audit verify --head "$(<"$TMP/head")"
brief=$issue_no-${issue_hash:0:16}
ok 'the short form of an invoice fits' smartmeter audit verify --head "$brief"
ok 'another hash does not' fails smartmeter audit verify --head "$issue_no-0123456789abcdef"
like 'and is told' "$COMPLAINT" 'another hash'
ok 'a head of another key does not' fails smartmeter audit verify --head "$(sed 's/ [A-Za-z0-9+/=]*$/ '"$(head -c 64 /dev/zero | base64 -w0)"'/' "$TMP/head")"
ok 'nor does any text' fails smartmeter audit verify --head nonsense

api GET /api/invoices/m1 || fail 'the invoices are listed' "$API_BODY"
curl -sS -H "Authorization: Bearer $TOKEN" -o "$TMP/one.pdf" "$API/api/invoices/m1/$number.pdf"
like 'the page bears the head of its issue' "$(pdftotext "$TMP/one.pdf" - 2>/dev/null)" "$number · audit $brief"
ok 'sealing anew' smartmeter keys reseal
curl -sS -H "Authorization: Bearer $TOKEN" -o "$TMP/again.pdf" "$API/api/invoices/m1/$number.pdf"
is 'leaves the kept page in its place' "$(find "$DATA/invoices" -name '*.pdf' | wc -l)" 1
ok 'which is given' cmp "$TMP/one.pdf" "$TMP/again.pdf"
rm -rf -- "$DATA/invoices"
curl -sS -H "Authorization: Bearer $TOKEN" -o "$TMP/two.pdf" "$API/api/invoices/m1/$number.pdf"
ok 'and is the same when it is printed again' cmp "$TMP/one.pdf" "$TMP/two.pdf"

# --- found out -----------------------------------------------------------------------------------------------------------
smartmeter keys export "$TMP/keys.box" >/dev/null <<<'a long enough passphrase' || fail 'the keys'
cut_at=$(($(wc -l <"$TMP/all.jsonl") - 1))
# tampered NAME [SQL...]: a copy that was changed by hand.
tampered() {
  in_folder "$1" keys import "$TMP/keys.box" >/dev/null 2>&1 <<<'a long enough passphrase'
  copy_data "$1" >/dev/null 2>&1 || fail "a copy, $1"
  spoil_ledger "$@"
}
tampered fine
ok 'a copy is whole' in_folder fine audit verify --head "$TMP/head"
tampered edit "UPDATE audit SET detail = '{}' WHERE audit_no = $issue_no"
ok 'an edit is found' fails in_folder edit audit verify
like 'and where' "$COMPLAINT" "entry $issue_no:"
tampered gone "DELETE FROM audit WHERE audit_no = 2"
ok 'a removal is found' fails in_folder gone audit verify
tampered order "UPDATE audit SET audit_no = 1000 WHERE audit_no = 2" "UPDATE audit SET audit_no = 2 WHERE audit_no = 3" \
  "UPDATE audit SET audit_no = 3 WHERE audit_no = 1000"
ok 'another order is found' fails in_folder order audit verify
tampered short "DELETE FROM audit WHERE audit_no > $cut_at" "DELETE FROM audit_head WHERE audit_no > $cut_at"
ok 'an end that was cut off is found' fails in_folder short audit verify
like 'by the head beside' "$COMPLAINT" 'the end of the log is gone'
# With the copy beside cut back too, only what was kept elsewhere tells.
rm -- "$TMP/short/audit.head"
ok 'without the head beside it is said that nothing tells' fails in_folder short audit verify
like 'and what does' "$COMPLAINT" 'audit verify --head'
ok 'a head that was kept elsewhere tells' fails in_folder short audit verify --head "$TMP/head"
like 'it says so' "$COMPLAINT" 'no entry [0-9]+ any more'
ok 'the doctor finds an edit too' fails in_folder edit doctor

stop_server || fail 'the server ends'
finish
