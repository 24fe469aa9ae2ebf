#!/usr/bin/env bash
# Keys are in no backup; they are carried by `keys export`, encrypted, and the two together bring a deployment back.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# fails COMMAND...: its exit status is 1; what it complains of is in COMPLAINT.
fails() {
  local status=0
  COMPLAINT=$("$@" 2>&1 >/dev/null) || status=$?
  [[ $status == 1 ]]
}
told() { COMPLAINT=$("$@" 2>&1 >/dev/null); }

start_broker
start_server
login
api POST /api/devices '{"device_id": "m1", "owner": "tenant@example.org", "name": "Flat 1"}' || fail 'm1 is added' "$API_BODY"

printf '%s\n' 'a long enough passphrase' >"$TMP/passphrase"
printf 'too short\n' >"$TMP/short"

# --- export --------------------------------------------------------------------------------------------------------------
ok 'a short passphrase' fails smartmeter keys export "$TMP/keys.box" --passphrase-file "$TMP/short"
like 'is refused' "$COMPLAINT" 'at least 12'
ok 'nothing is written then' test ! -e "$TMP/keys.box"
ok 'keys are exported beside the server' smartmeter keys export "$TMP/keys.box" --passphrase-file "$TMP/passphrase"
is 'nobody else may read them' "$(stat -c %a "$TMP/keys.box")" 600
is 'nothing of them is in the clear' "$(grep -c -a -E 'pii|PRIVATE|"key"' "$TMP/keys.box")" 0
ok 'what is there is not written over' fails smartmeter keys export "$TMP/keys.box" --passphrase-file "$TMP/passphrase"

# --- a backup has none ---------------------------------------------------------------------------------------------------
if on_postgres; then
  skip 'a backup has no keys, and the restore drill' 'on PostgreSQL: the server makes its own backups (pg_dump), which hold the database alone'
else
  ok 'a backup succeeds' smartmeter backup "$TMP/backup"
  {
    find "$DATA/keys" "$DATA.ca" -type f
    find "$DATA/broker" -name '*.key' -o -name '*.password' -o -name psk
  } >"$TMP/secrets"
  ok 'there are secrets to look for' test "$(wc -l <"$TMP/secrets")" -ge 7
  found=0
  while read -r file; do
    # Any line of a secret that is long enough to be one. (The revocation list is kept beside the key, but is for everybody.)
    while IFS= read -r line; do
      if ((${#line} >= 16)) && grep -r -q -a -F -e "$line" "$TMP/backup"; then found=$((found + 1)) && note "of $file"; fi
    done < <(grep -v -e '-----' -- "$file")
  done < <(grep -v '/crl\.pem$' "$TMP/secrets")
  is 'no line of any secret is in the backup' "$found" 0
  is 'what was left out is named' "$(json '.secrets_left_out.#' "$(<"$TMP/backup/manifest.json")")" "$(wc -l <"$TMP/secrets")"
  is 'no name is in it in the clear' "$(grep -r -c -a -h -e tenant@example.org -e admin@example.org "$TMP/backup" | awk '{ n += $1 } END { print n }')" 0
  ok 'the restore drill passes' env SM_BINARY="$SM_BINARY" "$SM_ROOT/scripts/restore-drill" "$TMP/backup" "$TMP/keys.box" "$TMP/passphrase"
  ok 'with another passphrase it does not' fails env SM_BINARY="$SM_BINARY" "$SM_ROOT/scripts/restore-drill" "$TMP/backup" \
    "$TMP/keys.box" "$TMP/keys.box"
fi

# --- a backup alone ------------------------------------------------------------------------------------------------------
ok 'a backup is restored without keys' told copy_data alone
if ! on_postgres; then
  like 'and it says what is missing' "$COMPLAINT" 'keys/pii.json'
  like 'and what brings it' "$COMPLAINT" 'smartmeter keys import'
fi
for words in 'user list' 'serve' 'user add --email a@example.org --role admin --password-stdin' 'device add --id m2'; do
  # shellcheck disable=SC2086
  ok "without keys: $words" fails in_folder alone $words
  like 'and it says what to do' "$COMPLAINT" 'bring it back \(smartmeter keys import\)'
done
is 'no key was made' "$(find "$TMP/alone/keys" -type f 2>/dev/null | wc -l)" 0
ok 'nothing is written behind a signed head' fails in_folder alone tariff set - </dev/null
ok 'the readings can be read' in_folder alone export
ok 'the audit log can be checked by its hashes' in_folder alone audit verify

# --- import --------------------------------------------------------------------------------------------------------------
printf 'not the passphrase\n' >"$TMP/wrong"
ok 'the wrong passphrase' fails in_folder alone keys import "$TMP/keys.box" --passphrase-file "$TMP/wrong"
like 'is told' "$COMPLAINT" 'another passphrase'
cp "$TMP/keys.box" "$TMP/bent.box"
python3 - "$TMP/bent.box" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(200)
    byte = f.read(1)[0]
    f.seek(200)
    f.write(bytes([byte ^ 1]))
PYTHON
ok 'one bit is enough to be refused' fails in_folder alone keys import "$TMP/bent.box" --passphrase-file "$TMP/passphrase"
ok 'another file' fails in_folder alone keys import "$TMP/passphrase" --passphrase-file "$TMP/passphrase"
like 'is told too' "$COMPLAINT" 'not what'
ok 'the passphrase comes by standard input' in_folder alone keys import "$TMP/keys.box" <"$TMP/passphrase"
like 'names can be read' "$(in_folder alone user list)" tenant@example.org
ok 'the doctor finds nothing' in_folder alone doctor
ok 'the audit log is signed by the key that is back' in_folder alone audit verify
ok 'the same again changes nothing' in_folder alone keys import "$TMP/keys.box" --passphrase-file "$TMP/passphrase"
for file in /keys/pii.json /keys/audit.json /keys/token-signing.json .ca/ca.key /broker/server.password; do
  ok "$file is what it was" cmp "$DATA$file" "$TMP/alone$file"
  is "$file is its owner's alone" "$(stat -c %a "$TMP/alone$file")" 600
done
printf '{}' >"$TMP/alone/keys/pii.json"
ok 'a key that differs is not written over' fails in_folder alone keys import "$TMP/keys.box" --passphrase-file "$TMP/passphrase"
like 'and it is named' "$COMPLAINT" 'keys/pii.json is there and is another one'
ok 'with --force it is set aside' in_folder alone keys import "$TMP/keys.box" --passphrase-file "$TMP/passphrase" --force
is 'and is there' "$(compgen -G "$TMP/alone/keys/pii.json.replaced-*" | wc -l)" 1
ok 'names can be read again' in_folder alone user list
ok 'where a server runs nothing is imported' fails smartmeter keys import "$TMP/keys.box" --passphrase-file "$TMP/passphrase"

# --- keys first, backup after --------------------------------------------------------------------------------------------
ok 'keys may come first' in_folder first keys import "$TMP/keys.box" --passphrase-file "$TMP/passphrase"
ok 'they are no data in the way of a restore' told copy_data first
is 'nothing is missing then' "$(grep -c missing <<<"$COMPLAINT")" 0
ok 'all is well' in_folder first doctor

# --- modes ---------------------------------------------------------------------------------------------------------------
chmod 640 "$TMP/first/keys/pii.json"
ok 'keys that a group may read stop a start' fails in_folder first serve
like 'and the fix is said' "$COMPLAINT" 'chmod 600'
chmod 600 "$TMP/first/keys/pii.json"
chmod 770 "$TMP/first/keys"
ok 'so does a folder that others may write to' fails in_folder first serve
like 'and that fix is said' "$COMPLAINT" 'chmod 700'
chmod 700 "$TMP/first/keys"

# --- privacy -------------------------------------------------------------------------------------------------------------
api GET /api/accounts || fail 'the accounts' "$API_BODY"
account=$(json .accounts.0.id)
[[ -n $account ]] || account=$(json .accounts.0.account_id)
api POST "/api/accounts/$account/payments" '{"amount": "10.00", "received_at": "2026-01-05T10:00:00Z", "reference": "R1", "note": "from cousin Kavita"}' ||
  fail 'a payment is recorded' "$API_STATUS $API_BODY"
is 'a note is not stored in the clear' "$(in_clear Kavita)" 0
is 'nor are addresses' "$(in_clear tenant@example.org)" 0
is 'the search finds what is there' "$(($(in_clear "$account") > 0))" 1
ok 'it can be read' api_has GET "/api/accounts/$account/entries" Kavita
like 'beside the server too' "$(smartmeter payment list --account "$account" --json)" Kavita

kid() { python3 -c 'import json, sys; print([k["kid"] for k in json.load(open(sys.argv[1]))["keys"] if k["use"] == "seal"][-1])' "$DATA/keys/pii.json"; }
old=$(kid)
ok 'everything is sealed again beside the server' smartmeter keys reseal
ok 'there is a new key' test "$(kid)" != "$old"
sealed=$(ledger_sql 'SELECT email_sealed FROM "user" UNION ALL SELECT name_sealed FROM "user" UNION ALL SELECT person_sealed FROM account')
ok 'there is something sealed' test -n "${sealed//[[:space:]]/}"
is 'nothing is sealed by the old one' "$(grep -c -F "$(printf '%s' "$old" | od -An -v -tx1 | tr -d ' \n')" <<<"$sealed")" 0
ok 'the server reads it' api_has GET "/api/accounts/$account/entries" Kavita
ok 'the address is found' login
ok 'what it seals now is by the new key' api POST /api/devices '{"device_id": "m9", "owner": "late@example.org"}'
ok 'going on finds nothing to do' smartmeter keys reseal --resume
like 'and says so' "$(smartmeter keys reseal --resume)" '^0 of'
ok 'the old key is not forgotten at once' fails smartmeter keys reseal --drop-old
like 'and it says why' "$COMPLAINT" 'younger than an hour'
python3 - "$DATA/keys/pii.json" <<'PYTHON'
import json, os, sys
data = json.load(open(sys.argv[1]))
for key in data["keys"]:
    key["created"] = "2026-01-01T00:00:00Z"
with open(sys.argv[1] + ".new", "w") as f:
    json.dump(data, f)
os.rename(sys.argv[1] + ".new", sys.argv[1])
PYTHON
ok 'an hour later it is' smartmeter keys reseal --drop-old
is 'one key is left' "$(grep -o '"seal"' "$DATA/keys/pii.json" | wc -l)" 1
ok 'and opens everything' smartmeter doctor
ok 'here too' api_has GET "/api/accounts/$account/entries" Kavita

# --- a person ------------------------------------------------------------------------------------------------------------
api GET /api/devices || fail 'devices' "$API_BODY"
smartmeter user add --email visitor@example.org --name 'Vera Visitor' --role consumer --password-stdin >/dev/null <<<'a password of hers, long' ||
  fail 'a visitor is added'
id=$(smartmeter user list --json | python3 -c 'import json, sys; print([u["id"] for u in json.load(sys.stdin)["users"] if u["email"] == "visitor@example.org"][0])')
ok 'all that is held is exported' smartmeter person export --email visitor@example.org --output "$TMP/vera.json"
is 'with the name' "$(json .user.name "$(<"$TMP/vera.json")")" 'Vera Visitor'
admin_token=$TOKEN
login visitor@example.org 'a password of hers, long' || fail 'she logs in'
ok 'she has it herself' api_has GET "/api/users/$id/export" 'Vera Visitor'
other=$(smartmeter user list --json | python3 -c 'import json, sys; print([u["id"] for u in json.load(sys.stdin)["users"] if u["email"] == "tenant@example.org"][0])')
ok 'another one is absent to her' api_is GET "/api/users/$other/export" 404
ok 'and she erases nobody' api_is POST "/api/users/$id/erase" 403
vera_token=$TOKEN TOKEN=$admin_token
ok 'whose tenancy goes on stays' api_is POST "/api/users/$other/erase" 409
ok 'the last admin stays' fails smartmeter person erase --email "$ADMIN_EMAIL"
ok 'she is erased' api_is POST "/api/users/$id/erase" 204
ok 'again is fine' api_is POST "/api/users/$id/erase" 204
ok 'by id too' smartmeter person erase --id "$id"
TOKEN=$vera_token
gone() { api_is GET /api/devices 401; }
wait_until 'her token is refused' gone
TOKEN=$admin_token
is 'her address finds nobody' "$(smartmeter person export --email visitor@example.org 2>&1 >/dev/null)" 'smartmeter: nobody is visitor@example.org'
is 'no name is left' "$(smartmeter person export --id "$id" | grep -c -e Vera -e visitor@)" 0
is 'the log tells that it was done, once' "$(smartmeter audit list --action user.erase --subject "$id" | wc -l)" 1

# --- API keys ------------------------------------------------------------------------------------------------------------
smartmeter key add --name 'a grid study' --scopes readings:read,devices:read --devices m1 --days 30 --json >"$TMP/key.json"
key=$(json .key "$(<"$TMP/key.json")") key_id=$(json .id "$(<"$TMP/key.json")")
like 'a key looks like one' "$key" '^smk_[a-z2-7]{39}$'
is 'it is not stored' "$(in_clear "$key")" 0
TOKEN=$key
ok 'it reads' api_is GET /api/devices/m1/readings 200
ok 'its own meters alone' api_is GET /api/devices/m9/readings 404
ok 'it does nothing else' api_is GET /api/tariffs 403
ok 'it makes no keys' api_is POST /api/keys 403 '{"name": "x", "scopes": ["devices:read"]}'
fresh=$(smartmeter key rotate --id "$key_id" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
ok 'the old secret is good for a while' api_is GET /api/devices/m1/readings 200
TOKEN=$fresh
ok 'and so is the new one' api_is GET /api/devices/m1/readings 200
like 'its use is shown' "$(smartmeter key list)" "$key_id  good .*last used 20"
ok 'it is revoked' smartmeter key revoke --id "$key_id"
ok 'at once' api_is GET /api/devices/m1/readings 401
TOKEN=$key
ok 'both of them' api_is GET /api/devices/m1/readings 401
TOKEN=$admin_token
is 'no key is in the log' "$(grep -c -e "$key" -e "$fresh" "$TMP/log/server.log")" 0
ok 'the audit log is whole' smartmeter audit verify

stop_server || fail 'the server ends'
finish
