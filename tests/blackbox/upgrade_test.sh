#!/usr/bin/env bash
# Stores as every earlier format had them (tests/upgrade), opened by the program of today: the same readings, the same invoices, nothing
# for the doctor to find, and a copy of what was there before. What a newer program made is refused, and left as it is.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
needs_files 'there is no earlier format there'
# shellcheck source=tests/upgrade/content.sh
source "$SM_HERE/../upgrade/content.sh"

# Months are issued by the story alone.
UNCHANGED=(SMARTMETER_BILLING_JOB=0)
format_of() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])' "$1"; }

# lay_out NAME: a kept store becomes this test's data.
lay_out() {
  local file
  rm -rf -- "$DATA"/*.db* "$DATA/keys" "$DATA/audit.head" "$DATA/invoices" "$DATA/logos" "$DATA/firmware" "$TMP/kept"
  mkdir "$TMP/kept"
  tar xf "$SM_HERE/../upgrade/$1.tar.xz" -C "$TMP/kept"
  for file in "$TMP"/kept/*; do [[ ${file##*/} == content ]] || cp -r "$file" "$DATA/"; done
}

start_broker
declare -A today=()
# Today's formats are those of a new store.
start_server "${UNCHANGED[@]}"
stop_server
for file in ledger readings; do today[$file]=$(format_of "$DATA/$file.db"); done

for kept in "$SM_HERE"/../upgrade/*.tar.xz; do
  name=$(basename -- "$kept" .tar.xz)
  lay_out "$name"
  start_server "${UNCHANGED[@]}"
  login || finish
  upgrade_content >"$TMP/content" || fail "$name: the content is told"
  # An invoice may say more than it did, and nothing else than it did.
  is "$name: readings and invoices are as they were" "$(grep -vxFf "$TMP/content" "$TMP/kept/content" | head -n 5)" ''
  is "$name: there are no other readings" "$(grep -c '^reading' "$TMP/content")" "$(grep -c '^reading' "$TMP/kept/content")"
  number=$(sed -n 's/^invoice meter-001 .number = "\(.*\)"/\1/p' "$TMP/content")
  is "$name: its invoice is printed" "$(curl -sS -o "$TMP/invoice.pdf" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" \
    "$API/api/invoices/meter-001/$number.pdf") $(head -c 5 "$TMP/invoice.pdf")" '200 %PDF-'
  if [[ -d $TMP/kept/logos ]]; then
    # They were files of the folder: the ledger has them now.
    like "$name: with its logo" "$(pdfimages -list "$TMP/invoice.pdf")" 'image +2 +2'
    image=("$TMP"/kept/firmware/*)
    curl -sS -o "$TMP/got" "$API/firmware/${image[0]##*/}"
    ok "$name: an image of firmware is served" cmp "$TMP/got" "${image[0]}"
    is "$name: which is said" "$(grep -c '"files.taken"' "$TMP/log/server.log")" 2
  fi
  publish meters/meter-001/telemetry "$(reading meter-001 2026-02-05T00:00:00Z 2000)"
  wait_until "$name: it goes on" api_has GET '/api/devices/meter-001/readings?from=2026-02-04T00:00:00Z&to=2026-02-06T00:00:00Z' '2000' || finish
  like "$name: the audit log is whole" "$(smartmeter audit verify 2>&1)" 'entries are as they were written'
  stop_server || fail "$name: it stops cleanly"
  like "$name: the doctor finds nothing" "$(smartmeter doctor 2>&1)" 'nothing is wrong'
  for file in ledger readings; do
    old=$(format_of "$TMP/kept/$file.db")
    is "$name: $file is of today's format" "$(format_of "$DATA/$file.db")" "${today[$file]}"
    if ((old == today[$file])); then
      ok "$name: $file had it already, and is not copied" test ! -e "$DATA/$file.db.format-$old"
    else
      is "$name: $file was copied before" "$(format_of "$DATA/$file.db.format-$old")" "$old"
      is "$name: for its owner only" "$(stat -c %a "$DATA/$file.db.format-$old")" 600
    fi
  done
done

# The way back: the copy in place of the file, as docs/operations.md says.
lay_out ledger-2
start_server "${UNCHANGED[@]}"
stop_server || fail 'it stops cleanly'
cp "$DATA/ledger.db.format-2" "$DATA/ledger.db"
rm -f -- "$DATA"/ledger.db-* "$DATA/audit.head"
like 'a copy put back is what it was' "$(smartmeter audit verify 2>&1)" 'entries are as they were written'
is 'and is upgraded again' "$(format_of "$DATA/ledger.db")" "${today[ledger]}"

# content_of FILE: all that is in a database, and its format.
content_of() {
  python3 -c 'import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(db.execute("PRAGMA user_version").fetchone(), *db.iterdump(), sep="\n")' "$1" | sha256sum
}

# refused FILE: a store of tomorrow.
refused() {
  local file=$DATA/$1.db before status=0
  cp "$file" "$TMP/$1.today"
  python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute(f"PRAGMA user_version = {int(sys.argv[2])}"); db.close()' "$file" $((today[$1] + 1))
  before=$(content_of "$file")
  server_command "${UNCHANGED[@]}"
  timeout 60 "${SM_COMMAND[@]}" serve >"$TMP/log/refused.log" 2>&1 || status=$?
  is "a newer $1.db stops the server" "$status" 1
  like 'with a clear word' "$(<"$TMP/log/refused.log")" 'made by a newer version of this program: use that one'
  is 'and is left as it is' "$(content_of "$file")" "$before"
  like 'the doctor says so too' "$(smartmeter doctor 2>&1)" 'a newer version of this program made it: use that one'
  like 'and no backup is made of it' "$(smartmeter backup "$TMP/backup-$1" 2>&1)" 'newer version of this program'
  cp "$TMP/$1.today" "$file"
}
refused ledger
refused readings
finish
