#!/usr/bin/env bash
# The scripts behind ./run and ./test: how results are counted, settings read, ports found taken, certificates renewed.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib/env.sh
source "$SM_ROOT/scripts/lib/env.sh"
# shellcheck source=scripts/lib/results.sh
source "$SM_ROOT/scripts/lib/results.sh"

# --- counting: nothing that went wrong may come out as passed
log=$TMP/results
tap() { printf '%s\n' "${@:2}" >"$log"; count_tap "$log" "$1"; }
is 'TAP: results are counted' "$(tap 1 'ok 1 - a' 'not ok 2 - b' 'ok 3 - c # SKIP why' '1..3')" '1 1 1'
is 'TAP: all is well' "$(tap 0 'ok 1 - a' 'ok 2 - b' '1..2')" '2 0 0'
is 'TAP: a bad end after good results fails' "$(tap 1 'ok 1 - a' '1..1')" '1 1 0'
is 'TAP: an end before the plan fails' "$(tap 0 'ok 1 - a' '1..2')" '1 1 0'
is 'TAP: no tests fail' "$(tap 0 '')" '0 1 0'
is 'TAP: a bail-out fails' "$(tap 0 'ok 1 - a' 'Bail out! no broker' '1..1')" '1 1 0'

cat >"$log" <<'LOG'
1: [ RUN      ] a
1: [       OK ] a
1: [ RUN      ] b
1: [       OK ] b
1: [  PASSED  ] 2 test(s).
1/6 Test  #1: good_test ...........   Passed    0.00 sec
2: [       OK ] a
2: [  FAILED  ] b
2: [  FAILED  ] tests: 1 test(s), listed below:
2: [  FAILED  ] b
2/6 Test  #2: bad_test ............***Failed    0.00 sec
3: [       OK ] a
3/6 Test  #3: crash_test ..........***Exception: SegFault  0.00 sec
4/6 Test  #4: slow_test ...........***Timeout   1.00 sec
5/6 Test  #5: plain_test ..........   Passed    0.00 sec
6/6 Test  #6: absent_test .........***Not Run   0.00 sec
LOG
is 'ctest: tests of programs are counted, and what did not run has failed' "$(count_ctest "$log")" '5 4 0'

printf ' Test Files  1 failed | 3 passed (4)\n      Tests  2 failed | 15 passed | 1 skipped (18)\n' >"$log"
is 'vitest: results are counted' "$(count_vitest "$log" 1)" '15 2 1'
printf ' Test Files  1 failed | 3 passed (4)\n      Tests  15 passed (15)\n' >"$log"
is 'vitest: a file that could not be read fails' "$(count_vitest "$log" 1)" '15 1 0'

# --- settings
cat >"$TMP/env" <<'ENV'
# a comment
SM_X_PLAIN=plain # kept, as the program keeps it
  export SM_X_QUOTED="two words"
SM_X_SINGLE='$(touch /nowhere)'
SM_X_SET=from the file
SM_X_TWICE=first
SM_X_TWICE=last
SM_X_EMPTY=
ENV
export SM_X_SET='from the environment'
load_env_file "$TMP/env"
is '.env: plain values' "$SM_X_PLAIN" 'plain # kept, as the program keeps it'
is '.env: quotes come off, and nothing is executed' "$SM_X_QUOTED|$SM_X_SINGLE" "two words|\$(touch /nowhere)"
is '.env: the environment wins' "$SM_X_SET" 'from the environment'
is '.env: the last of several wins' "$SM_X_TWICE" last
is '.env: empty values' "${SM_X_EMPTY-unset}" ''
echo 'no assignment' >"$TMP/env"
is '.env: a bad line is named' "$(load_env_file "$TMP/env" 2>&1)" "smartmeter: $TMP/env, line 1 is not NAME=VALUE: no assignment"
port_setting() { (export SM_X_PORT="$1" && check_port_setting SM_X_PORT "${@:2}") >/dev/null 2>&1 && echo good || echo bad; }
is 'port settings' "$(for p in 1 65535 65536 0 -1 08 x; do port_setting "$p"; done | tr '\n' ' ')$(port_setting 0 zero)" \
  'good good bad bad bad bad bad good'

# --- ports
port=$(free_port)
listen() {
  start_child listener "$TMP/log/listener.log" python3 -c '
import socket, sys, time
s = socket.socket(); s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); time.sleep(600)' "$1" "$port"
  wait_for_port "$port" 20 "$(child_pid listener)"
}
who() { taken_by "$port" "$1" >/dev/null && echo taken || echo free; }
is 'a port without listener is free' "$(who 127.0.0.1)" free
listen 127.0.0.1
is 'one with a listener is taken, also for all interfaces' "$(who 127.0.0.1) $(who 0.0.0.0)" 'taken taken'
is 'but not for another address' "$(who 127.0.0.2)" free
like 'and its holder is named' "$(export SM_Y_PORT="$port" && require_free_port SM_Y_PORT 127.0.0.1 tests 2>&1)" \
  "port $port \(tests\) is already taken by python3[^ ]* \(process $(child_pid listener)\)\..*SM_Y_PORT=[0-9]+ ./run"
stop_child listener
SM_CHILD_NAMES=()
listen 0.0.0.0
is 'a listener on all interfaces takes it everywhere' "$(who 127.0.0.2)" taken
stop_child listener
SM_CHILD_NAMES=()
is 'free ports are different ones' "$(free_port 50 | sort -u | wc -l)" 50

# --- certificates
dir=$DATA/broker
fingerprints() { for f in ca broker; do openssl x509 -in "$dir/$f.crt" -noout -fingerprint -sha256; done; }
openssl_verify() { openssl verify -CAfile "$dir/ca.crt" "$@" "$dir/broker.crt" >"$TMP/log/openssl.log"; }
make() { make_ca "$dir" && make_certificate "$dir" no; }
SM_CERTIFICATE_DAYS=59 make
short=$(fingerprints)
ok 'the certificate is the CA'\''s, for localhost' openssl_verify -verify_hostname localhost
make
first=$(fingerprints)
is 'one that ends soon is renewed, by the same CA' "$([[ $first != "$short" ]] && echo new) ${first%%$'\n'*}" "new ${short%%$'\n'*}"
make
is 'one that is good is kept' "$(fingerprints)" "$first"
certificate_names() { echo 'DNS:localhost,IP:192.0.2.7'; }
make
ok 'one with other names is made anew' openssl_verify -verify_ip 192.0.2.7
certificate_names() { echo 'DNS:localhost,IP:192.0.2.8'; }
mv "$DATA.ca/ca.key" "$dir/ca.key"
make_ca "$dir"
is 'a key of an older version is moved out of the data' "$(stat -c %a "$DATA.ca/ca.key") $(find "$dir" -name 'ca.key*' | wc -l)" '600 0'
mv "$DATA.ca/ca.key" "$TMP/elsewhere"
like 'without the CA'\''s key it says what to do' "$(make 2>&1)" 'Put it back, and start again'
make_server_account "$dir"
account=$(cat "$dir/server.password" "$dir/passwords")
make_server_account "$dir"
is 'the server'\''s account is made once' "$(cat "$dir/server.password" "$dir/passwords")" "$account"
# shellcheck disable=SC2016 # the dollars are the hash's
like 'and hashed where the broker reads it' "$(cat "$dir/passwords")" '^smartmeter-server:\$7\$'
finish
