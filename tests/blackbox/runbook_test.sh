#!/usr/bin/env bash
# Every command that docs/operations.md gives for an alert, as it is written there (but for the ports): each does something, and none of
# them names what is not there.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# blocks: the shell commands under "Alerts, one by one", a line "ALERT<tab>COMMAND" each.
blocks() {
  awk '
    /^## / { inside = ($0 == "## Alerts, one by one") }
    inside && /^### / { alert = $2 }
    inside && /^```sh$/ { code = 1; next }
    /^```$/ { code = 0 }
    inside && code { sub(/ +#.*/, ""); print alert "\t" $0 }' "$SM_ROOT/docs/operations.md"
}

# As beside ./run --bare.
mkdir -p "$TMP/var" "$DATA/invoices" "$DATA/log"
ln -s "$DATA" "$TMP/var/site"
ln -s "$TMP/log/server.log" "$DATA/log/server.log"
ln -s "$TMP/log/broker.log" "$DATA/log/mosquitto.log"
start_broker
start_server
login
ok 'a meter' api POST /api/devices "$(json_object device_id meter-001)"
publish meters/meter-001/telemetry "$(reading meter-001 "$(date -u +%FT%TZ)" 1)"
publish meters/meter-002/telemetry "$(reading meter-002 "$(date -u +%FT%TZ)" 1)"
api GET /api/devices/absent || true
refused() { [[ $(metric 'smartmeter_readings_rejected_total{reason="unknown_device"}') == 1 ]]; }
wait_until 'a reading is refused' refused

server_command
{
  declare -p SM_COMMAND
  # What `smartmeter` stands for, as the head of the document says.
  # shellcheck disable=SC2016 # not here, but there
  echo 'smartmeter() { "${SM_COMMAND[@]}" "$@"; }'
} >"$TMP/environment"
touch "$DATA/log/server.log.1" "$DATA/invoices/2026"
ran=0
while IFS=$'\t' read -r alert command; do
  text=${command//127.0.0.1:5000/127.0.0.1:$HTTP_PORT}
  text=${text//127.0.0.1:9464/127.0.0.1:$METRICS_PORT}
  ran=$((ran + 1))
  status=0
  (cd "$TMP" && bash -c "source environment; $text") >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
  if ((status == 0)) && [[ ! -s $TMP/err ]]; then pass "$alert: $command"; else fail "$alert: $command" "exit status $status" "$(cat "$TMP/err")"; fi
done < <(blocks)
ok 'there were commands' test "$ran" -ge 20
ok 'room was made' test ! -e "$DATA/invoices/2026" -a ! -e "$DATA/log/server.log.1"

# What the text says that they show.
shows() { (cd "$TMP" && bash -c "source environment; $(blocks | cut -f2 | grep -F -- "$1" | head -n 1 | sed "s/:5000/:$HTTP_PORT/; s/:9464/:$METRICS_PORT/")") 2>&1; }
like 'what is refused, by its reason' "$(shows 'grep readings_rejected_total |')" 'reason="unknown_device"\} 1'
stop_broker || true
not_ready() { [[ $(curl -s -o /dev/null -w '%{http_code}' "$API/readyz") == 503 ]]; }
wait_until 'the server is not ready' not_ready
like 'a server without its broker says so' "$(shows /readyz)" 'not subscribed at the MQTT broker: .*'
like 'and its log says why' "$(shows '"event":"mqtt')" 'mqtt.lost'
finish
