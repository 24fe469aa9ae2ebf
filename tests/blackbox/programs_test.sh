#!/usr/bin/env bash
# The two programs, smartmeter and smartmeter-mongodb: when the first goes on as the second, with what, and what it says where that is
# not there. What the second does then is mongodb_test.sh's.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
needs_files 'it sets the store itself'

MONGODB=mongodb://127.0.0.1:1/town
mkdir "$TMP/bin" "$TMP/work"
cp -- "$SM_BINARY" "$TMP/bin/smartmeter"

# here WORD...: the copy, in a folder of its own, where nothing but the words, `store` and a .env names a store; its output and status.
here() {
  local status=0
  server_command
  SM_COMMAND[-1]=$TMP/bin/smartmeter
  "${SM_COMMAND[@]:0:2}" "$TMP/work" "${SM_COMMAND[@]:3}" "$@" 2>&1 || status=$?
  printf 'status %d' "$status"
}
with_mongodb() { STORE_URL=$MONGODB here "$@"; }

missing="names MongoDB.* $TMP/bin/smartmeter-mongodb is not there: install the package smartmeter-mongodb.*status 1$"
for words in 'user list' serve doctor 'backup there' 'import none.csv' 'device crl'; do
  read -r -a words <<<"$words"
  like "without the other program: ${words[*]}" "$(with_mongodb "${words[@]}")" "SMARTMETER_STORE $missing"
done
is 'nothing was made' "$(find "$DATA" -mindepth 1 -maxdepth 1 ! -name broker)$(ls "$TMP/work")" ''
like 'help is given all the same' "$(with_mongodb user --help)" 'usage: smartmeter user.*status 0$'
like 'and the version' "$(with_mongodb version)" '^smartmeter [0-9.]+.status 0$'
for words in "--from embedded --to $MONGODB" "--to=embedded --from=mongodb+srv://there.example/town"; do
  read -r -a words <<<"$words"
  like "a migration names it by its words: ${words[*]}" "$(here migrate "${words[@]}")" "--from or --to $missing"
done
like 'a word of another command names nothing' "$(here import "$MONGODB")" '^smartmeter: cannot import mongodb://'
printf 'SMARTMETER_STORE="%s"\n' "$MONGODB" >"$TMP/work/.env"
like '.env names it too' "$(here user list)" "SMARTMETER_STORE $missing"
rm -- "$TMP/work/.env"
like 'files need no other program' "$(STORE_URL=embedded here user list)" 'there is no data in .*status 1$'

# One that tells how it was started.
cat >"$TMP/bin/smartmeter-mongodb" <<'OTHER'
#!/bin/bash
printf 'words'
printf ' [%s]' "$@"
printf ' store %s in %s as %s reads ' "$SMARTMETER_STORE" "$PWD" "$$"
cat
exit 7
OTHER
like 'one that cannot be started is told' "$(with_mongodb user list)" 'smartmeter-mongodb cannot be started: Permission denied.*status 1$'
chmod +x "$TMP/bin/smartmeter-mongodb"
said=$(printf 'a password' | with_mongodb user add --email 'a b' --password-stdin)
like 'it gets the words, the settings, the folder, its input; its status counts' "$said" \
  "^words \[user\] \[add\] \[--email\] \[a b\] \[--password-stdin\] store $MONGODB in $TMP/work as [0-9]+ reads a passwordstatus 7$"
ln -s "$TMP/bin/smartmeter" "$TMP/link"
like 'a link leads to the one beside the program' \
  "$(env -C "$TMP/work" SMARTMETER_STORE=$MONGODB "$TMP/link" doctor </dev/null || true)" '^words \[doctor\]'
env -C "$TMP/work" SMARTMETER_STORE=$MONGODB "$TMP/bin/smartmeter" serve </dev/null >"$TMP/said" &
number=$!
wait "$number" || true
like 'it is the same process' "$(<"$TMP/said")" " as $number "
rm -- "$TMP/bin/smartmeter-mongodb"

# On files: nothing of the driver, and nothing left by a server that is killed.
is 'the driver is not loaded' "$(ldd "$SM_BINARY" | grep -cE 'libmongoc|libbson|libicu')" 0
shared() { find /dev/shm -mindepth 1 | sort; }
shared >"$TMP/before"
launch_server SMARTMETER_MQTT_URL=mqtt://127.0.0.1:1
wait_for_http "$API/healthz" "$WAIT_S" "$(child_pid server)" || fail "the server starts"
number=$(server_pid)
kill_server
is 'a killed server leaves nothing in /dev/shm' "$(shared | comm -13 "$TMP/before" - | grep -- "-$number\$" || true)" ''
finish
