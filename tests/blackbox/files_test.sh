#!/usr/bin/env bash
# Logos and images of firmware are the ledger's: published or issued at one of two servers on one PostgreSQL, they are the same bytes at
# the other. What a data folder of before has of them is taken in at the next start.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
if ! on_postgres; then exec "$SM_ROOT/tests/postgres/with_postgres" "$SM_HERE/files_test.sh"; fi
STORE_URL=$(store_url "$DATA")
SERVER_SETTINGS=(SMARTMETER_BILLING_JOB=0)
start_again() { start_server "${SERVER_SETTINGS[@]}" "SMARTMETER_INVOICE_LOGO=$TMP/red.png"; }
# shellcheck source=tests/blackbox/two_servers.sh
source "$SM_HERE/two_servers.sh"

# picture FILE RED GREEN BLUE: eight by eight pixels.
picture() {
  python3 - "$@" <<'PY'
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\0' + bytes(map(int, sys.argv[2:5])) * 8 for _ in range(8))
open(sys.argv[1], 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0))
    + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
PY
}
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
# pdf API FILE: the invoice of that number.
pdf() { curl -sS -o "$2" -w '%{http_code}' --max-time 60 -H "Authorization: Bearer $TOKEN" "$1/api/invoices/flat/$number.pdf"; }
# firmware ARGUMENT...: the command at the one server, as the operator has it set up.
firmware() {
  server_command "SMARTMETER_FIRMWARE_KEYS=$TMP/op.pem.pub"
  "${SM_COMMAND[@]}" firmware "$@" >>"$TMP/log/cli.log" 2>&1
}
# release VERSION COUNTER BYTES: signed, in the folder of that name.
release() {
  head -c "$3" /dev/urandom >"$TMP/image"
  firmware sign "$TMP/image" --key "$TMP/op.pem" --product smartmeter --hardware sim --version "$1" --counter "$2" --from 1 \
    --expires 2099-01-01 --url-base "$API" --out "$TMP/$1"
}
# Another logo than the one server has: the invoice's counts.
picture "$TMP/red.png" 204 0 0
picture "$TMP/blue.png" 0 0 204
SERVER_SETTINGS+=("SMARTMETER_STORE=$STORE_URL")
start_own_broker
start_again
login
mkdir -p "$OTHER_DATA"
cp -r -- "$DATA/keys" "$OTHER_DATA/"
SERVER_SETTINGS+=("SMARTMETER_INVOICE_LOGO=$TMP/blue.png")
launch_other
other_is_ready

# --- an invoice, printed by each ------------------------------------------------------------------------------------------
ok 'a meter is added' api POST /api/devices "$(json_object device_id flat owner owner@example.org)"
for point in 2025-12-31T23:50:1000 2026-01-01T00:00:1000 2026-02-01T00:00:1350 2026-02-01T00:10:1351; do
  publish meters/flat/telemetry "$(reading flat "${point%:*}:00+05:30" "${point##*:}")"
done
wait_until 'the readings are stored' api_has GET '/api/devices/flat/readings?from=2026-01-31T00:00:00Z&to=2026-02-03T00:00:00Z' 1351
server_command "SMARTMETER_INVOICE_LOGO=$TMP/red.png"
issued=$("${SM_COMMAND[@]}" bill --month 2026-01 --json 2>>"$TMP/log/cli.log")
number=$(json .accounts.0.number "$issued")
is 'the other prints it' "$(pdf "$OTHER_API" "$TMP/other.pdf")" 200
is 'so does the one' "$(pdf "$API" "$TMP/one.pdf")" 200
is 'to the same bytes' "$(sum "$TMP/other.pdf")" "$(sum "$TMP/one.pdf")"
like 'with the logo of its time' "$(pdfimages -list "$TMP/other.pdf")" 'image +8 +8'
pdfimages -f 1 -l 1 "$TMP/other.pdf" "$TMP/picture"
is 'which is red' "$(tail -c 3 "$TMP/picture-000.ppm" | od -An -tu1 | tr -s ' ')" ' 204 0 0'

# --- an image, published at the one, fetched from the other -------------------------------------------------------------------
firmware keygen --out "$TMP/op.pem"
release 1.1.0 2 3000001
ok 'it is published at the one' firmware publish "$TMP/1.1.0"
sha=$(sum "$TMP/1.1.0/firmware.bin")
for server in "$OTHER_API" "$API"; do
  curl -sS -o "$TMP/got" "$server/firmware/$sha"
  ok 'its bytes' cmp "$TMP/got" "$TMP/1.1.0/firmware.bin"
done
image=$OTHER_API/firmware/$sha
is 'a part' "$(curl -sS -r 1500000-1500099 "$image" | sha256sum)" "$(tail -c +1500001 "$TMP/1.1.0/firmware.bin" | head -c 100 | sha256sum)"
is 'behind its end there is nothing' "$(curl -sS -o /dev/null -w '%{http_code}' -r 3000001- "$image")" 416
# Meters fetch in pieces, all at once.
for ((i = 0; i < 24; i++)); do
  printf 'next\nurl = "%s"\noutput = "%s/part-%02d"\nrange = "%d-%d"\n' "$image" "$TMP" "$i" $((i * 125001)) $(((i + 1) * 125001 - 1))
done |
  curl -sS --parallel --parallel-max 24 -K - 2>>"$TMP/log/curl.log" || fail 'the parts are fetched'
cat "$TMP"/part-* >"$TMP/parts"
ok 'many parts at once are the whole' cmp "$TMP/parts" "$TMP/1.1.0/firmware.bin"
ok 'no data folder has it' test ! -e "$DATA/firmware" -a ! -e "$OTHER_DATA/firmware" -a ! -e "$DATA/logos" -a ! -e "$OTHER_DATA/logos"
is 'what is published again is there once' "$(firmware publish "$TMP/1.1.0" || ledger_sql "SELECT count(*) FROM file WHERE kind = 'firmware'")" 1
ok 'the doctor finds nothing' smartmeter doctor

# --- a data folder of before ----------------------------------------------------------------------------------------------
# As if none of it had ever been in the ledger.
release 1.2.0 3 9000
ok 'another one is published' firmware publish "$TMP/1.2.0"
later=$(sum "$TMP/1.2.0/firmware.bin")
end_child other TERM || fail 'the other stops'
spoil_ledger data 'DELETE FROM file_part' 'DELETE FROM file'
mkdir -p "$OTHER_DATA/logos" "$OTHER_DATA/firmware"
cp "$TMP/red.png" "$OTHER_DATA/logos/$(sum "$TMP/red.png").png"
cp "$TMP/1.1.0/firmware.bin" "$OTHER_DATA/firmware/$sha"
head -c 9000 /dev/urandom >"$OTHER_DATA/firmware/$later"
rm -rf -- "$OTHER_DATA/invoices" "$DATA/invoices"
launch_other
other_is_ready
curl -sS -o "$TMP/got" "$image"
ok 'its image is taken in' cmp "$TMP/got" "$TMP/1.1.0/firmware.bin"
is 'its logo too: the invoice is the same' "$(pdf "$OTHER_API" "$TMP/again.pdf") $(sum "$TMP/again.pdf")" "200 $(sum "$TMP/one.pdf")"
is 'at the one as well' "$(pdf "$API" "$TMP/again.pdf") $(sum "$TMP/again.pdf")" "200 $(sum "$TMP/one.pdf")"
is 'what is taken in is said once a folder' "$(grep -c '"files.taken"' "$TMP/log/other.log")" 2
like 'what is not what its name says is left, and said' "$(grep '"files.left"' "$TMP/log/other.log")" "$later.*not those of its name"
ok 'untouched' test -s "$OTHER_DATA/firmware/$later"
like 'its release has no image, which is said' "$(grep '"firmware.no_image"' "$TMP/log/other.log")" '"version":"1\.2\.0"'
is 'that of the other one has' "$(grep -c '"firmware.no_image"' "$TMP/log/other.log")" 1
is 'it is not served' "$(curl -sS -o /dev/null -w '%{http_code}' "$OTHER_API/firmware/$later")" 404
firmware publish "$TMP/1.2.0" && fail 'it is out already'
is 'published again, it is' "$(curl -sS "$OTHER_API/firmware/$later" | sha256sum | cut -d ' ' -f 1)" "$later"

# --- damage ---------------------------------------------------------------------------------------------------------------
spoil_ledger data "UPDATE file_part SET bytes = overlay(bytes placing 'x' from 5) WHERE part_no = 0"
like 'the doctor finds other bytes' "$(smartmeter doctor 2>&1 || true)" "ledger, file $later: its stored bytes are not those of its name"
ok 'the one stops' stop_server
end_child other TERM || fail 'the other stops'
finish
