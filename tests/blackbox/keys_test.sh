#!/usr/bin/env bash
# Keys are in no backup; they are carried by `keys export`, encrypted, and the two together bring a deployment back.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# in_folder NAME ARGUMENT...: the program on another data folder.
in_folder() {
  server_command "SMARTMETER_DATA_DIR=$TMP/$1"
  "${SM_COMMAND[@]}" "${@:2}"
}
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
ok 'a backup succeeds' smartmeter backup "$TMP/backup"
find "$DATA/keys" "$DATA/broker" -name '*.json' -path '*/keys/*' -o -name '*.key' -o -name '*.password' >"$TMP/secrets"
ok 'there are secrets to look for' test "$(wc -l <"$TMP/secrets")" -ge 4
found=0
while read -r file; do
  # Any line of a secret that is long enough to be one.
  while IFS= read -r line; do
    if ((${#line} >= 16)) && grep -r -q -a -F -e "$line" "$TMP/backup"; then found=$((found + 1)) && note "of $file"; fi
  done < <(grep -v -e '-----' -- "$file")
done <"$TMP/secrets"
is 'no line of any secret is in the backup' "$found" 0
is 'what was left out is named' "$(json '.secrets_left_out.#' "$(<"$TMP/backup/manifest.json")")" "$(wc -l <"$TMP/secrets")"
is 'no name is in it in the clear' "$(grep -r -c -a -h -e tenant@example.org -e admin@example.org "$TMP/backup" | paste -sd+ | bc)" 0

# --- the drill -----------------------------------------------------------------------------------------------------------
ok 'the restore drill passes' env SM_BINARY="$SM_BINARY" "$SM_ROOT/scripts/restore-drill" "$TMP/backup" "$TMP/keys.box" "$TMP/passphrase"
ok 'with another passphrase it does not' fails env SM_BINARY="$SM_BINARY" "$SM_ROOT/scripts/restore-drill" "$TMP/backup" \
  "$TMP/keys.box" "$TMP/keys.box"

# --- a backup alone ------------------------------------------------------------------------------------------------------
ok 'a backup is restored without keys' told in_folder alone restore "$TMP/backup"
like 'and it says what is missing' "$COMPLAINT" 'keys/pii.json'
like 'and what brings it' "$COMPLAINT" 'smartmeter keys import'
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
for file in keys/pii.json keys/audit.json keys/token-signing.json broker/ca.key broker/server.password; do
  ok "$file is what it was" cmp "$DATA/$file" "$TMP/alone/$file"
  is "$file is its owner's alone" "$(stat -c %a "$TMP/alone/$file")" 600
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
ok 'they are no data in the way of a restore' told in_folder first restore "$TMP/backup"
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

stop_server || fail 'the server ends'
finish
