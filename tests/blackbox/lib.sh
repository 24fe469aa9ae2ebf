# shellcheck shell=bash
# For black-box tests: a private broker and server on free ports in a folder of their own, the API, meters, and TAP.
#
#   source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
#   start_broker
#   start_server SMARTMETER_AUTO_REGISTER=1
#   login
#   publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:45:00Z 12.345)"
#   wait_until "the reading is stored" api_has GET /api/devices/meter-001/readings?from=2026-01-29T00:00:00Z 12.345
#   is "one device" "$(json .devices.0.device_id)" meter-001
#   finish
#
# Nothing outside is touched: all that is started ends with the test, by process id, and its folder goes with it
# (SM_KEEP=1 keeps it). Failed tests print the ends of the logs.
set -euo pipefail

SM_HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/common.sh
source "$SM_HERE/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/ports.sh
source "$SM_ROOT/scripts/lib/ports.sh"
# shellcheck source=scripts/lib/broker.sh
source "$SM_ROOT/scripts/lib/broker.sh"
# shellcheck source=scripts/lib/process.sh
source "$SM_ROOT/scripts/lib/process.sh"

SM_BINARY=${SM_BINARY:-$SM_ROOT/build/asan/smartmeter}
ADMIN_EMAIL=admin@example.org
ADMIN_PASSWORD='correct horse battery staple'
# How long wait_until waits: long enough for sanitizers on a busy machine, since it ends as soon as it can.
WAIT_S=${WAIT_S:-60}

umask 077
TMP=$(mktemp -d "${TMPDIR:-/tmp}/smartmeter-test.XXXXXX")
DATA=$TMP/data
mkdir -p "$DATA/broker" "$TMP/log"
{
  read -r HTTP_PORT
  read -r METRICS_PORT
  read -r MQTT_PORT
  read -r MQTTS_PORT
  read -r CERT_PORT
  read -r PSK_PORT
} < <(free_port 6)
API=http://127.0.0.1:$HTTP_PORT
TOKEN=''
# What the last api call gave.
API_STATUS='' API_BODY=''

# --- TAP -----------------------------------------------------------------------------------------------------------------

tap_count=0 tap_failures=0

note() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

# pass NAME, fail NAME [WHY...]: a result.
pass() {
  tap_count=$((tap_count + 1))
  printf 'ok %d - %s\n' "$tap_count" "$1"
}

fail() {
  tap_count=$((tap_count + 1)) tap_failures=$((tap_failures + 1))
  printf 'not ok %d - %s\n' "$tap_count" "$1"
  shift
  local line
  for line in "$@"; do note "$line"; done
}

skip() {
  tap_count=$((tap_count + 1))
  printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "${2:-}"
}

# ok NAME COMMAND...: COMMAND succeeds.
ok() {
  local name=$1
  shift
  if "$@"; then pass "$name"; else fail "$name" "failed: $*"; fi
}

# is NAME GOT WANTED, like NAME GOT REGEX
is() { if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi; }
like() { if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got:    $2" "wanted: /$3/"; fi; }

# finish: the plan, and the end. A test that does not get here has failed.
finish() {
  printf '1..%d\n' "$tap_count"
  exit $((tap_failures > 0))
}

# --- where the data is ---------------------------------------------------------------------------------------------------
# In files; under tests/postgres/with_postgres on its server, and under tests/mongo/with_double on that double of one, in a database of
# its own for each data folder.

# Of a test that makes servers of its own (tests/postgres/cluster.sh): SMARTMETER_STORE.
STORE_URL=''
on_postgres() { [[ -n ${SM_TEST_POSTGRES:-} ]]; }
on_mongodb() { [[ -n ${SM_TEST_MONGODB:-} ]]; }
on_server() { on_postgres || on_mongodb; }

# ledger_file: its name, where there is one: what a server of MongoDB has is a copy.
ledger_file() { if on_mongodb; then echo ledger-copy.db; else echo ledger.db; fi; }

# needs_files WHY: where the data is not in files, the end of a test that is about them.
needs_files() {
  on_server || return 0
  skip "$(basename -- "$0" _test.sh)" "on a database server: $1"
  finish
}

# store_url FOLDER: the URL of a data folder's database, which is made if it is not there.
store_url() {
  local name=${TMP##*/}${1#"$TMP"}
  name=${name//[^A-Za-z0-9]/-}
  if on_mongodb; then
    printf '%s/%s?%s' "${SM_TEST_MONGODB%%/\?*}" "$name" "${SM_TEST_MONGODB##*\?}"
    return
  fi
  if [[ ! -e $TMP/log/$name.database ]]; then
    createdb -h "$SM_TEST_POSTGRES" -U smartmeter "$name" >&2 && touch "$TMP/log/$name.database"
  fi
  printf 'postgresql://smartmeter@/%s?host=%s' "$name" "$SM_TEST_POSTGRES"
}

# in_folder NAME ARGUMENT...: the program on another data folder of this test.
in_folder() {
  server_command "SMARTMETER_DATA_DIR=$TMP/$1"
  "${SM_COMMAND[@]}" "${@:2}"
}

# copy_data NAME: what is stored now (by a second call: as it was at the first) as data folder NAME, without keys: a backup that is restored; of a
# database, by its own means, and what docs/postgresql.md says to copy beside it.
copy_data() {
  if ! on_postgres; then
    [[ -d $TMP/copied ]] || smartmeter backup "$TMP/copied" >/dev/null || return
    in_folder "$1" restore "$TMP/copied"
    return
  fi
  if [[ ! -d $TMP/copied ]]; then
    mkdir "$TMP/copied"
    pg_dump -d "$(store_url "$DATA")" -f "$TMP/copied/store.sql"
    mkdir "$TMP/copied/folder"
    [[ ! -e $DATA/audit.head ]] || cp -- "$DATA/audit.head" "$TMP/copied/folder/"
  fi
  mkdir -p "$TMP/$1"
  cp -r -- "$TMP/copied/folder/." "$TMP/$1/"
  psql -X -q -v ON_ERROR_STOP=1 -d "$(store_url "$TMP/$1")" -f "$TMP/copied/store.sql" >/dev/null
}

# ledger_sql SQL: the rows of a query of the ledger, beside the server: a line each, values parted by blanks, bytes in hex.
ledger_sql() {
  if on_postgres; then
    psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -d "$(store_url "$DATA")" -c 'SET search_path = smartmeter' -c "$1"
    return
  fi
  python3 - "$DATA/$(ledger_file)" "$1" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for row in db.execute(sys.argv[2]):
    print(*(v.hex() if isinstance(v, bytes) else "" if v is None else v for v in row))
PYTHON
}

# spoil_ledger NAME SQL...: changes the ledger of a data folder as somebody could who has the database open, triggers or not.
spoil_ledger() {
  local folder=$TMP/$1
  shift
  if on_postgres; then
    psql -X -q -v ON_ERROR_STOP=1 -d "$(store_url "$folder")" -c 'SET search_path = smartmeter; SET session_replication_role = replica' \
      "${@/#/-c}" >/dev/null
    return
  fi
  python3 - "$folder/ledger.db" "$@" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    db.execute(f"DROP TRIGGER {name}")
for statement in sys.argv[2:]:
    db.execute(statement)
db.commit()
PYTHON
}

# in_clear TEXT...: in how many of the ledger's files, or rows of its database, one of these texts stands.
in_clear() {
  local text words=()
  for text in "$@"; do words+=(-e "$text"); done
  if ! on_postgres; then
    grep -l -a -F "${words[@]}" "$DATA"/ledger.db* | wc -l
    return
  fi
  for text in "$@"; do words+=(-e "$(printf '%s' "$text" | od -An -v -tx1 | tr -d ' \n')"); done
  pg_dump -d "$(store_url "$DATA")" | grep -c -a -F "${words[@]}" || true
}

# --- ending --------------------------------------------------------------------------------------------------------------

# What a test has in the background besides, such as publishers, which would try to reach their broker for ever.
end_descendants() {
  local pid children=()
  { read -r -a children <"/proc/$1/task/$1/children"; } 2>/dev/null
  for pid in "${children[@]}"; do
    end_descendants "$pid"
    kill -TERM "$pid" 2>/dev/null
  done
}

end_test() {
  local status=$?
  set +e
  trap '' EXIT
  trap : INT TERM HUP
  if declare -F end_more >/dev/null; then end_more; fi
  stop_children
  end_descendants "$$"
  local log
  if ((status != 0)); then
    for log in "$TMP"/log/*.log; do
      [[ -s $log ]] || continue
      note "--- the end of $(basename -- "$log")"
      note "$(tail -n 25 -- "$log")"
    done
  fi
  for log in "$TMP"/log/*.database; do
    [[ ! -e $log ]] || dropdb -h "$SM_TEST_POSTGRES" -U smartmeter --force "$(basename -- "$log" .database)"
  done
  if [[ ${SM_KEEP:-0} == 1 ]]; then note "kept: $TMP"; else rm -rf -- "$TMP"; fi
  exit "$status"
}
trap end_test EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# --- waiting -------------------------------------------------------------------------------------------------------------

# wait_until WHAT COMMAND...: polls COMMAND until it succeeds. When it does not within WAIT_S, or what was started has died
# meanwhile, that is a failed test named WHAT; nothing is printed otherwise.
wait_until() {
  local what=$1 deadline dead
  shift
  deadline=$(($(now_ms) + WAIT_S * 1000))
  until "$@"; do
    if dead=$(dead_child); then fail "$what" "$dead has died"; return 1; fi
    if (($(now_ms) > deadline)); then fail "$what" "not within $WAIT_S s: $*"; return 1; fi
    sleep 0.05
  done
}

# --- broker --------------------------------------------------------------------------------------------------------------

# start_broker: Mosquitto with the configuration, accounts and ACLs of ./run: plain on MQTT_PORT, TLS on MQTTS_PORT. Again
# after stop_broker or kill_broker, it starts on the same persistence.
start_broker() {
  local dir=$DATA/broker
  make_ca "$dir"
  make_certificate "$dir" no
  make_server_account "$dir"
  rm -f -- "$dir/mosquitto.pid"
  write_broker_conf "$dir" "$TMP/log/broker.log" "$MQTT_PORT" "$MQTTS_PORT" 127.0.0.1 "$CERT_PORT" "$PSK_PORT"
  start_child broker "$TMP/log/broker.log" mosquitto -c "$dir/mosquitto.conf"
  local port
  for port in "$MQTTS_PORT" "$MQTT_PORT" "$CERT_PORT" "$PSK_PORT"; do
    wait_for_port "$port" "$WAIT_S" "$(child_pid broker)" || { fail 'the broker starts'; exit 1; }
  done
}

broker_pid() { child_pid broker; }
stop_broker() { end_child broker TERM; }
kill_broker() { end_child broker KILL || true; }

# --- server --------------------------------------------------------------------------------------------------------------

# server_command [NAME=VALUE...]: fills SM_COMMAND with what runs the program in this test's world. Nothing of the developer's own
# settings reaches it, and no .env, as it runs in TMP. A test asks faster than any person: without limits of rates, unless it sets some.
server_command() {
  local name data=$DATA
  SM_COMMAND=(env -C "$TMP")
  for name in $(compgen -e SMARTMETER_); do SM_COMMAND+=(-u "$name"); done
  SM_COMMAND+=("SMARTMETER_DATA_DIR=$DATA" "SMARTMETER_HTTP_PORT=$HTTP_PORT" "SMARTMETER_METRICS_PORT=$METRICS_PORT"
    "SMARTMETER_MQTT_PORT=$MQTT_PORT" "SMARTMETER_MQTTS_PORT=$MQTTS_PORT"
    SMARTMETER_RATE_READS=0 SMARTMETER_RATE_WRITES=0 SMARTMETER_RATE_COSTLY=0 SMARTMETER_RATE_LOGINS=0
    "SMARTMETER_ADMIN_EMAIL=$ADMIN_EMAIL" "SMARTMETER_ADMIN_PASSWORD=$ADMIN_PASSWORD")
  if [[ -n $STORE_URL ]]; then
    SM_COMMAND+=("SMARTMETER_STORE=$STORE_URL")
  elif on_server; then
    for name in "$@"; do [[ $name != SMARTMETER_DATA_DIR=* ]] || data=${name#*=}; done
    SM_COMMAND+=("SMARTMETER_STORE=$(store_url "$data")")
  fi
  SM_COMMAND+=("$@" "$SM_BINARY")
}

# smartmeter ARGUMENT...: the program, as somebody runs it beside the server.
smartmeter() {
  server_command
  "${SM_COMMAND[@]}" "$@"
}

# launch_server [NAME=VALUE...]: starts it and does not wait for it.
launch_server() {
  [[ -x $SM_BINARY ]] || { fail "there is a program $SM_BINARY"; exit 1; }
  server_command "$@"
  start_child server "$TMP/log/server.log" "${SM_COMMAND[@]}" serve
}

# start_server [NAME=VALUE...]: starts it, with these besides the usual settings, and waits until it is ready.
start_server() {
  launch_server "$@"
  wait_for_http "$API/readyz" "$WAIT_S" "$(child_pid server)" || { fail 'the server becomes ready'; exit 1; }
}

server_pid() { child_pid server; }

# stop_server: asks it to end and waits; its exit status. kill_server: SIGKILL, as a power cut would.
stop_server() { end_child server TERM; }
kill_server() { end_child server KILL || true; }

# end_child NAME SIGNAL: sends it and waits for the end; the exit status.
end_child() {
  local pid
  pid=$(child_pid "$1")
  kill "-$2" "$pid"
  forget_child "$1" 2>/dev/null
}

# --- the API -------------------------------------------------------------------------------------------------------------

# api METHOD PATH [BODY]: leaves API_STATUS and API_BODY; with the TOKEN of login, if there was one. True for a 2xx.
api() {
  local answer arguments=(-sS -X "$1" -w '\n%{http_code}' --max-time 60)
  [[ -z $TOKEN ]] || arguments+=(-H "Authorization: Bearer $TOKEN")
  (($# < 3)) || arguments+=(-H 'Content-Type: application/json' --data-binary "$3")
  answer=$(curl "${arguments[@]}" "$API$2" 2>>"$TMP/log/curl.log") || true
  API_STATUS=${answer##*$'\n'} API_BODY=${answer%$'\n'*}
  [[ $API_STATUS == 2* ]]
}

# api_is METHOD PATH STATUS [BODY]: whether the answer has that status. api_has METHOD PATH TEXT: whether it is a 2xx with TEXT in it.
api_is() {
  api "$1" "$2" "${@:4}" || true
  [[ $API_STATUS == "$3" ]]
}
api_has() { api "$1" "$2" && [[ $API_BODY == *"$3"* ]]; }

# login [EMAIL PASSWORD]: sets TOKEN; as the admin without arguments.
login() {
  local body
  body=$(json_object email "${1:-$ADMIN_EMAIL}" password "${2:-$ADMIN_PASSWORD}")
  TOKEN=''
  api POST /api/auth/login "$body" || { fail "login of ${1:-$ADMIN_EMAIL}" "$API_STATUS $API_BODY"; return 1; }
  TOKEN=$(json .token)
}

# json PATH [TEXT]: one value of TEXT, or of the last API_BODY: json .devices.0.device_id. A path that is not there is empty;
# `#` is the number of elements: json .devices.#
json() {
  printf '%s' "${2-$API_BODY}" | python3 -c '
import json, sys
value = json.load(sys.stdin, parse_float=str)
for key in filter(None, sys.argv[1].split(".")):
    if key == "#":
        value = len(value)
    elif isinstance(value, list):
        value = value[int(key)] if int(key) < len(value) else None
    else:
        value = value.get(key) if isinstance(value, dict) else None
print("" if value is None else value if isinstance(value, str) else json.dumps(value))' "$1"
}

# json_object NAME VALUE...: an object of strings.
json_object() {
  python3 -c 'import json, sys; a = sys.argv[1:]; print(json.dumps(dict(zip(a[::2], a[1::2]))))' "$@"
}

# metric NAME: the value of a metric, labels included in the name if it has any; empty if there is none.
metric() {
  curl -sS --max-time 10 "http://127.0.0.1:$METRICS_PORT/metrics" 2>>"$TMP/log/curl.log" |
    awk -v name="$1" 'substr($0, 1, length(name) + 1) == name " " { print $NF }'
}

# --- meters --------------------------------------------------------------------------------------------------------------

# reading DEVICE TIMESTAMP ENERGY_KWH [MORE_MEMBERS]: telemetry, MORE_MEMBERS as in: ', "seq": 1'
reading() {
  printf '{"device_id": "%s", "timestamp": "%s", "voltage": 230.4, "current": 2.73, "power_w": 628.99, "energy_kwh": %s%s}' \
    "$1" "$2" "$3" "${4:-}"
}

# readings_a_second DEVICE DAY COUNT: a reading a line for each second from the day's begin (UTC), a kWh more each.
readings_a_second() {
  local i
  for ((i = 0; i < $3; i++)); do
    reading "$1" "$2T$(printf '%02d:%02d:%02d' $((i / 3600)) $((i / 60 % 60)) $((i % 60)))Z" "$((1000 + i))"
    printf '\n'
  done
}

# publish TOPIC PAYLOAD [MOSQUITTO_PUB_OPTION...]: at QoS 1 by the plain listener; returns when the broker has acknowledged it.
publish() {
  local topic=$1 payload=$2
  shift 2
  printf '%s' "$payload" | mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t "$topic" -s "$@"
}

# publish_lines TOPIC [MOSQUITTO_PUB_OPTION...]: each line of stdin a message, over one connection.
publish_lines() {
  local topic=$1
  shift
  mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 -t "$topic" -l "$@"
}

# as_server COMMAND ARGUMENT...: mosquitto_sub or mosquitto_pub by TLS with the server's account. Its client id is the server's
# too, so only while the server is away.
as_server() {
  local command=$1
  shift
  "$command" -h 127.0.0.1 -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt" -u smartmeter-server \
    -P "$(<"$DATA/broker/server.password")" "$@"
}
