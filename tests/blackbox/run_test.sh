#!/usr/bin/env bash
# ./run --bare: it starts, says what stands in its way, and ends all that it started and nothing else.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

out=$TMP/run.out
# store_in FOLDER: the setting where the data of this folder is.
store_in() { if on_postgres; then printf 'SMARTMETER_STORE=%s' "$(store_url "$1")"; else printf 'SMARTMETER_STORE='; fi; }
# run_env COMMAND...: with this test's ports and folder; the data is in $DATA/site.
run_env() {
  env SMARTMETER_DATA_DIR="$DATA" SMARTMETER_HTTP_PORT="$HTTP_PORT" SMARTMETER_METRICS_PORT="$METRICS_PORT" \
    SMARTMETER_MQTT_PORT="$MQTT_PORT" SMARTMETER_MQTTS_PORT="$MQTTS_PORT" SMARTMETER_MQTT_URL= CI=1 \
    SMARTMETER_ADMIN_EMAIL= SMARTMETER_ADMIN_PASSWORD= "$(store_in "$DATA/site")" "$@"
}
# start_run NAME [RUN_OPTION...]
start_run() {
  local name=$1
  shift
  : >"$out"
  start_child "$name" "$out" env SMARTMETER_DATA_DIR="$DATA" SMARTMETER_HTTP_PORT="$HTTP_PORT" \
    SMARTMETER_METRICS_PORT="$METRICS_PORT" SMARTMETER_MQTT_PORT="$MQTT_PORT" SMARTMETER_MQTTS_PORT="$MQTTS_PORT" \
    SMARTMETER_MQTT_URL= SMARTMETER_ADMIN_EMAIL= SMARTMETER_ADMIN_PASSWORD= CI=1 "$(store_in "$DATA/site")" "$SM_ROOT/run" "$@"
  WAIT_S=600 wait_until "./run $* is ready" grep -q 'Ctrl-C ends it' "$out" || finish
}
all_ports_closed() {
  local port
  for port in "$HTTP_PORT" "$METRICS_PORT" "$MQTT_PORT" "$MQTTS_PORT"; do ! port_listens "$port" || return 1; done
}
said() { tr '\n' ' ' <"$out"; }

ok 'help is help' grep -q 'usage: ./run' <("$SM_ROOT/run" --help)
status=0
"$SM_ROOT/run" --nonsense >"$out" 2>&1 || status=$?
is 'an unknown option is a wrong use' "$status" 2

start_run first --bare
pass './run --bare is ready'
like 'it prints the dashboard'\''s address' "$(said)" "http://127.0.0.1:$HTTP_PORT/"
like 'and how to make the first admin' "$(said)" 'user add --email'
ok 'the dashboard answers' http_answers_200 "$API/"
is 'its data is for its owner only' "$(stat -c %a "$DATA/site" "$DATA/site.ca/ca.key" | tr '\n' ' ')" '700 600 '
printf 'a long password' | env SMARTMETER_DATA_DIR="$DATA/site" "$(store_in "$DATA/site")" "$SM_ROOT/build/release/smartmeter" user add \
  --email "$ADMIN_EMAIL" --role admin --password-stdin >"$TMP/log/user.log"
ok 'the admin logs in' login "$ADMIN_EMAIL" 'a long password'

status=0
run_env "$SM_ROOT/run" --bare >"$TMP/second.out" 2>&1 || status=$?
like 'a second one on the same data is told so' "$status $(cat "$TMP/second.out")" "^1 .*already running on $DATA/site \(process $(child_pid first)\)"
status=0
run_env SMARTMETER_DATA_DIR="$TMP/other" "$SM_ROOT/run" --bare >"$TMP/second.out" 2>&1 || status=$?
like 'a taken port is named with its variable' "$status $(cat "$TMP/second.out")" "^1 .*port $HTTP_PORT .*SMARTMETER_HTTP_PORT=[0-9]+"
ok 'the first one is still there' http_answers_200 "$API/readyz"
ok 'TERM ends it' end_child first TERM
ok 'and all that it started' all_ports_closed

start_run again --bare
# That is what makes it start in a second; a clock would only tell how busy the machine is.
is 'it starts again without installing or building anything' "$(grep -cE 'installing|fetching|building' "$out")" 0
is 'and with an admin, without advice' "$(grep -c 'user add' "$out")" 0
broker=$(cat "$DATA/site/broker/mosquitto.pid")
kill -KILL "$broker"
status=0
gone() { ! alive "$1"; }
wait_until_true "$WAIT_S" '' gone "$(child_pid again)" || fail 'it ends when its broker dies'
forget_child again || status=$?
is 'when its broker dies it ends too' "$status" 1
like 'and says so' "$(said)" 'the broker ended unexpectedly'
ok 'with all that it started' all_ports_closed

start_run third --bare
end_child third KILL || true
wait_until 'nothing outlives it when it is killed' all_ports_closed && pass 'nothing outlives it when it is killed'
finish
