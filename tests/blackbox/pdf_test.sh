#!/usr/bin/env bash
# Invoices on paper: issued by the program, fetched over the API and by the command, and looked into with the tools that others
# have: what stands on the page, its fonts, its QR code. The same bytes whoever asks, in every locale, zone and process, and
# again after a restore. A month as ZIP.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

RESIDENT=resident@example.org
RESIDENT_PASSWORD='plain horse battery staple'
OTHER=other@example.org

settings=(SMARTMETER_SELLER_NAME='Green <b>Meadows</b> & Söhne' SMARTMETER_SELLER_TAX_ID=27AAAAA0000A1Z5
  SMARTMETER_HSN=27160000 SMARTMETER_INVOICE_NOTE='Questions: office@meadows.example' SMARTMETER_UPI_ID=meadows@examplebank
  SMARTMETER_UPI_NAME='A&B ग्रीन' SMARTMETER_INVOICE_LOGO="$TMP/logo.png" SMARTMETER_BILLING_JOB=0)

# A picture of eight by eight pixels, red.
python3 - "$TMP/logo.png" <<'PY'
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\0' + b'\xcc\0\0' * 8 for _ in range(8))
open(sys.argv[1], 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0))
    + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
PY

# run_with NAME=VALUE... -- ARGUMENT...: the program with more in its environment.
run_with() {
  local more=()
  while [[ $1 != -- ]]; do more+=("$1") && shift; done
  shift
  server_command "${more[@]}"
  "${SM_COMMAND[@]}" "$@"
}

# fetch PATH FILE [CURL_OPTION...]: leaves API_STATUS.
fetch() {
  API_STATUS=$(curl -sS -o "$2" -D "$TMP/headers" -w '%{http_code}' --max-time 60 -H "Authorization: Bearer $TOKEN" "${@:3}" "$API$1")
}
header() { sed -n "s/^$1: //Ip" "$TMP/headers" | tr -d '\r'; }
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }

start_broker
start_server "${settings[@]}"
for who in "$RESIDENT" "$OTHER"; do
  printf '%s\n' "$RESIDENT_PASSWORD" |
    smartmeter user add --email "$who" --role consumer --password-stdin >"$TMP/log/user.log" 2>&1 || fail "$who is added"
done
login
ok 'a meter is added' api POST /api/devices "$(json_object device_id m1 owner "$RESIDENT")"
ok 'another one' api POST /api/devices "$(json_object device_id m2 owner "$OTHER")"
for device in m1 m2; do
  for point in 2025-12-31T23:50:1000 2026-01-01T00:00:1000 2026-01-15T10:00:1100 2026-02-01T00:00:1350 2026-02-01T00:10:1351; do
    publish "meters/$device/telemetry" "$(reading "$device" "${point%:*}:00+05:30" "${point##*:}")"
  done
done
stored() { api GET "/api/devices/m2/readings?from=2025-12-31T00:00:00Z&to=2026-03-01T00:00:00Z" && [[ $(json .readings.#) == 5 ]]; }
wait_until 'the readings are stored' stored
issued=$(run_with "${settings[@]}" -- bill --month 2026-01 --json)
is 'two invoices are issued' "$(json .issued "$issued")" 2
number=$(json .accounts.0.number "$issued") device=$(json .accounts.0.device_id "$issued")
other=$(json .accounts.1.number "$issued") device2=$(json .accounts.1.device_id "$issued")
is 'the ledger has the logo, by its hash' "$(ledger_sql "SELECT kind, sha256, size FROM file")" "logo $(sum "$TMP/logo.png") $(stat -c %s "$TMP/logo.png")"

fetch "/api/invoices/$device/$number.pdf" "$TMP/a.pdf"
is 'an invoice is printed' "$API_STATUS $(header content-type) $(header content-disposition)" \
  "200 application/pdf inline; filename=\"$number.pdf\""
is 'its length is told' "$(header content-length)" "$(stat -c %s "$TMP/a.pdf")"
etag=$(header etag)
fetch "/api/invoices/$device/$number.pdf" "$TMP/none" -H "If-None-Match: $etag"
is 'who has it is told so' "$API_STATUS" 304
fetch "/api/invoices/$device/$number.pdf" "$TMP/b.pdf"
is 'the same bytes again' "$(sum "$TMP/b.pdf")" "$(sum "$TMP/a.pdf")"
kept=("$DATA/invoices/2026-01/$number".*.pdf)
is 'it is kept, for its owner alone' "$(stat -c '%a' "${kept[0]}") $(sum "${kept[0]}")" "600 $(sum "$TMP/a.pdf")"

text=$(pdftotext -layout "$TMP/a.pdf" -)
like 'who has no name is billed by e-mail' "$text" "($RESIDENT|$OTHER)"
like 'its text can be read: the number' "$text" "$number"
like 'the total' "$text" '1,888.00'
like 'the registers' "$text" '1,000.000 +1,350.000 +350.000'
like 'the slabs' "$text" '100-300 kWh +200 kWh +4.50 +900.00'
like 'markup is text' "$text" 'Green <b>Meadows</b> & Söhne'
like 'the small print' "$text" 'HSN 27160000'
like 'one page' "$(pdfinfo "$TMP/a.pdf")" 'Pages: +1'
like 'A4, titled' "$(pdfinfo "$TMP/a.pdf")" "Title: +Electricity bill $number"
like 'tagged' "$(pdfinfo "$TMP/a.pdf")" 'Tagged: +yes'
ok 'in a language' grep -q '/Lang (en-IN)' <(qpdf --qdf --object-streams=disable "$TMP/a.pdf" -)
# shellcheck disable=SC2016
ok 'its fonts are all embedded and subset' awk 'NR > 2 && ($(NF - 4) != "yes" || $(NF - 3) != "yes") { bad = 1 } END { exit bad || NR < 3 }' \
  <(pdffonts "$TMP/a.pdf")
ok 'it is a sound file' qpdf --check "$TMP/a.pdf"
like 'it has the logo' "$(pdfimages -list "$TMP/a.pdf")" 'image +8 +8'
pdftoppm -r 150 -png -singlefile "$TMP/a.pdf" "$TMP/a"
is 'the QR code says who, how much and for what' "$(zbarimg -q --raw "$TMP/a.png" 2>/dev/null)" \
  "upi://pay?pa=meadows@examplebank&pn=A%26B%20%E0%A4%97%E0%A5%8D%E0%A4%B0%E0%A5%80%E0%A4%A8&am=1888.00&cu=INR&tr=$number"

fetch "/api/invoices/$device/$number.pdf?lang=hi" "$TMP/hi.pdf"
like 'in Hindi' "$(pdftotext "$TMP/hi.pdf" -)" 'बिल'
fetch "/api/invoices/$device/$number.pdf?lang=en" "$TMP/en.pdf"
is 'its own language by name is the same file' "$(sum "$TMP/en.pdf")" "$(sum "$TMP/a.pdf")"
fetch "/api/invoices/$device/$number.pdf?lang=xx" "$TMP/none"
is 'a language that is none' "$API_STATUS" 400

login "$OTHER" "$RESIDENT_PASSWORD"
fetch "/api/invoices/$device/$number.pdf" "$TMP/none"
is "somebody else's is not there" "$API_STATUS" 404
fetch /api/invoices.zip?month=2026-01 "$TMP/none"
is 'the month is for admins' "$API_STATUS" 403
login "$RESIDENT" "$RESIDENT_PASSWORD"
fetch "/api/invoices/$device/$number.pdf" "$TMP/own.pdf"
is 'the resident has theirs' "$(sum "$TMP/own.pdf")" "$(sum "$TMP/a.pdf")"
login

# What stands on a credit note, and on what is issued in its place; on bills from here on.
like 'the use of each day' "$text" 'Use by day'
api POST "/api/invoices/$device2/$other/credit" "$(json_object reason 'read next <door>')" || fail 'an invoice is taken back' "$API_BODY"
note=$(json .number)
fetch "/api/invoices/$device2/$note.pdf" "$TMP/note.pdf"
text=$(pdftotext -layout "$TMP/note.pdf" -)
like 'a credit note names what it takes back' "$text" "takes back invoice $other for January 2026"
like 'and why' "$text" 'Reason: read next <door>'
like 'and how much' "$text" 'Total given back +₹ *1,888.00'
fetch "/api/invoices/$device2/$other.pdf" "$TMP/cancelled.pdf"
text=$(pdftotext -layout "$TMP/cancelled.pdf" -)
like 'what was taken back says so' "$text" 'Cancelled by a credit note'
is 'and asks nobody to pay' "$(grep -c -E 'Please pay by|Due date' <<<"$text")" 0
pdftoppm -r 150 -png -singlefile "$TMP/cancelled.pdf" "$TMP/cancelled"
is 'nor does a QR code' "$(zbarimg -q --raw "$TMP/cancelled.png" 2>/dev/null)" ''
api POST "/api/invoices/$device2" "$(json_object month 2026-01 reason 'read next <door>')" || fail 'one is issued in its place' "$API_BODY"
again=$(json .number)
fetch "/api/invoices/$device2/$again.pdf" "$TMP/again.pdf"
text=$(pdftotext -layout "$TMP/again.pdf" -)
like 'a re-issue names what it stands for' "$text" "in place of $other"
like 'and the difference' "$text" 'Difference: *₹ *0.00'

# The command, as others run it: another locale, zone, day and user's fonts; first from the ledger anew, then what is kept.
mv "$DATA/invoices" "$TMP/kept"
run_with LC_ALL=hi_IN.UTF-8 LANG=hi_IN.UTF-8 TZ=America/St_Johns XDG_CONFIG_HOME="$TMP" FONTCONFIG_FILE="$TMP/none" -- \
  invoice pdf "$number" --out "$TMP/c.pdf"
is 'the same bytes from another process, locale and zone, made anew' "$(sum "$TMP/c.pdf")" "$(sum "$TMP/a.pdf")"
is 'to standard output too' "$(run_with TZ=UTC -- invoice pdf "$number" --out - | sha256sum | cut -d ' ' -f 1)" "$(sum "$TMP/a.pdf")"
said=$(smartmeter invoice pdf "$number" --lang hi --out "$TMP/hi2.pdf" --json)
is 'and in Hindi' "$(sum "$TMP/hi2.pdf") $(json .bytes "$said")" "$(sum "$TMP/hi.pdf") $(stat -c %s "$TMP/hi.pdf")"
like 'an invoice that is not there' "$(smartmeter invoice pdf SM9999-000001 --out "$TMP/none" 2>&1)" 'there is no invoice'

fetched() { fetch /api/invoices.zip?month=2026-01 "$TMP/a.zip" && [[ $API_STATUS == 200 ]]; }
wait_until 'the month comes as ZIP' fetched
is 'it has all of it' "$(unzip -Z1 "$TMP/a.zip" | sort | tr '\n' ' ')" \
  "$(printf '%s.pdf\n' "$number" "$other" "$note" "$again" | sort | tr '\n' ' ')"
ok 'it is sound' unzip -tq "$TMP/a.zip"
is 'what is in it is what was printed' "$(unzip -p "$TMP/a.zip" "$number.pdf" | sha256sum | cut -d ' ' -f 1)" "$(sum "$TMP/a.pdf")"
rm -rf "$DATA/invoices"
run_with TZ=Asia/Tokyo -- invoice zip --month 2026-01 --out "$TMP/b.zip" >>"$TMP/log/cli.log" 2>&1
is 'the same bytes by the command, in another zone' "$(sum "$TMP/b.zip")" "$(sum "$TMP/a.zip")"
fetch /api/invoices.zip?month=2025-11 "$TMP/none"
is 'a month without invoices' "$API_STATUS" 404
fetch /api/invoices.zip "$TMP/none"
is 'no month' "$API_STATUS" 400

# The next month says what was owed, paid and brought in since, and names an account as its file does.
api GET "/api/invoices/$device" || fail 'the invoices of the first meter' "$API_BODY"
account=$(json .invoices.0.account_id)
ok 'a part is paid' api POST "/api/accounts/$account/payments" \
  '{"amount": "1000.00", "received_at": "2026-02-10T10:00:00+05:30", "method": "upi", "reference": "UTR 1"}'
ok 'a meter for an account of a file' api POST /api/devices "$(json_object device_id m3)"
printf '%s\n' account,person,place,device,from,opening_balance 'B-7,Asha Rao,Flat 7,m3,2026-02-01,250.00' >"$TMP/accounts.csv"
smartmeter account import "$TMP/accounts.csv" >>"$TMP/log/cli.log" 2>&1 || fail 'the account comes in'
for meter in m1 m2 m3; do
  for point in 2026-02-01T00:20:1351 2026-02-15T00:00:1400 2026-03-01T00:00:1450 2026-03-01T00:10:1451; do
    publish "meters/$meter/telemetry" "$(reading "$meter" "${point%:*}:00+05:30" "${point##*:}")"
  done
done
stored() { api GET '/api/devices/m3/readings?from=2026-01-31T00:00:00Z&to=2026-04-01T00:00:00Z' && [[ $(json .readings.#) == 4 ]]; }
wait_until 'the readings of February are stored' stored
run_with "${settings[@]}" -- bill --month 2026-02 >>"$TMP/log/cli.log" 2>&1 || fail 'February is issued'
# february METER PLACE QUERY: the text of the invoice at that place of the list.
february() {
  api GET "/api/invoices/$1" && fetch "/api/invoices/$1/$(json ".invoices.$2.number").pdf$3" "$TMP/february.pdf" && pdftotext -layout "$TMP/february.pdf" -
}
text=$(february "$device" 1 '')
like 'what was owed' "$text" "Owed after the last bill, $number +1,888.00"
like 'what was paid since' "$text" 'Payment received, UPI +10 Feb 2026 +−1,000.00'
api GET "/api/invoices/$device" || fail 'the invoices of the first meter' "$API_BODY"
owed=$(awk -v total="$(json .invoices.1.total)" 'BEGIN { printf "%.2f", total + 888 }')
like 'what is to be paid now' "$(tr -d , <<<"$text")" "To pay +₹ *$owed"
like 'in Hindi too' "$(february "$device" 1 '?lang=hi')" 'UPI +10 फ़रवरी 2026 +−1,000.00'
text=$(february m3 0 '')
like 'an account is called as its file does' "$text" 'Account B-7'
like 'with what was brought in' "$text" 'Opening balance +1 Feb 2026 +250.00'
like 'on one page' "$(pdfinfo "$TMP/february.pdf")" 'Pages: +1'
ok 'a sound file' qpdf --check "$TMP/february.pdf"

# A restored folder prints the same.
copy_data restored >>"$TMP/log/cli.log" 2>&1 || fail 'a copy is restored'
smartmeter keys export "$TMP/keys.box" >>"$TMP/log/cli.log" 2>&1 <<<'a long enough passphrase' || fail 'the keys are exported'
in_folder restored keys import "$TMP/keys.box" >>"$TMP/log/cli.log" 2>&1 <<<'a long enough passphrase' || fail 'the keys are brought'
run_with SMARTMETER_DATA_DIR="$TMP/restored" -- invoice pdf "$number" --out "$TMP/d.pdf"
is 'a restored folder prints the same bytes' "$(sum "$TMP/d.pdf")" "$(sum "$TMP/a.pdf")"

printf 'not a picture' >"$TMP/bad.png"
like 'a logo that is none is told' "$(run_with "${settings[@]}" SMARTMETER_INVOICE_LOGO="$TMP/bad.png" -- bill --month 2026-01 2>&1)" 'SMARTMETER_INVOICE_LOGO'
ok 'the server ends well' stop_server
finish
