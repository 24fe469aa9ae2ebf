#!/usr/bin/env bash
# The manual page and the completion of bash, as they are made from the program's own --help.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

"$SM_ROOT/scripts/man-page" "$SM_BINARY" >"$TMP/smartmeter.1" || fail 'the page is written'
MANWIDTH=200 LC_ALL=C.UTF-8 man --warnings -l "$TMP/smartmeter.1" >"$TMP/page" 2>"$TMP/log/warnings.log" || true
is 'man has nothing to say against the page' "$(cat "$TMP/log/warnings.log")" ''
missing() { # what of the words on stdin has no line of its own in the page
  local word
  while read -r word; do grep -qF -- "$word" "$TMP/page" || echo "$word"; done
}
commands=$("$SM_BINARY" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
ok 'there are commands' test "$(wc -l <<<"$commands")" -gt 20
is 'it has every command' "$(grep -v version <<<"$commands" | awk '{ print "smartmeter " $1 }' | missing)" ''
is 'and none twice' "$(sort <<<"$commands" | uniq -d)" ''
is 'it has every setting' "$(grep -oE '^#SMARTMETER_[A-Z_]+' "$SM_ROOT/.env.example" | tr -d '#' | missing)" ''

# complete WORD...: what is offered for the last one.
complete_words() {
  SM_BINARY=$SM_BINARY bash -c '
    smartmeter() { "$SM_BINARY" "$@"; }
    source "$1"
    shift
    COMP_WORDS=(smartmeter "$@") COMP_CWORD=$#
    _smartmeter
    printf "%s\n" "${COMPREPLY[@]}"' bash "$SM_ROOT/deploy/completion/smartmeter.bash" "$@" | sort | tr '\n' ' '
}
is 'every command is offered' "$(complete_words '')" "$({ echo --help; echo "$commands"; } | sort | tr '\n' ' ')"
is 'those that begin so' "$(complete_words ke)" 'key keys '
is 'what a command can do' "$(complete_words user '')" 'add disable list passwd '
is 'its options' "$(complete_words doctor --)" '--help --json '
is 'the words that an option takes' "$(complete_words user add --role '')" 'admin consumer '
cd "$TMP"
touch readings.csv
is 'files where a file is meant' "$(complete_words import read)" 'readings.csv '
finish
