#!/usr/bin/env bash
# Debian's Prometheus reads the real server's figures by deploy/prometheus: they are well-formed and few, the rules load and do what
# their cases say, and each query of rules and dashboard asks for what is there.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

DEPLOY=$SM_ROOT/deploy/prometheus
DASHBOARD=$SM_ROOT/deploy/grafana/dashboards/smartmeter.json
PROMETHEUS_PORT=$(free_port)
PROMETHEUS=http://127.0.0.1:$PROMETHEUS_PORT

# prom PATH NAME=VALUE...: what its API answers.
prom() {
  local path=$1 pair arguments=()
  shift
  for pair in "$@"; do arguments+=(--data-urlencode "$pair"); done
  curl -sS --max-time 20 -G "${arguments[@]}" "$PROMETHEUS$path" 2>>"$TMP/log/curl.log"
}
# value QUERY: of the first series.
value() { json .data.result.0.value.1 "$(prom /api/v1/query "query=$1")"; }
value_is() { [[ $(value "$1") == "$2" ]]; }

is 'no alert is without cases in which it fires and does not' "$(python3 "$SM_HERE/prometheus.py" cases "$DEPLOY/rules.yml" "$DEPLOY/rules_test.yml")" ''
quietly() { "$@" >>"$TMP/log/promtool.log" 2>&1; }
ok 'the cases come out as they say' quietly promtool test rules "$DEPLOY/rules_test.yml"
ok 'the configuration is in order' quietly promtool check config "$DEPLOY/prometheus.yml"
sections=$(sed -n 's/^### \(Smartmeter[A-Za-z]*\)$/\1/p' "$SM_ROOT/docs/operations.md")
is 'every alert has its section in docs/operations.md, and no section is left over' \
  "$(sort <<<"$sections")" "$(sed -n 's/^ *- alert: //p' "$DEPLOY/rules.yml" | sort)"

start_broker
start_server SMARTMETER_AUTO_REGISTER=1 SMARTMETER_MQTT_CONNECTIONS=2
login
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:45:00Z 12.345)"
publish meters/meter-001/telemetry "$(reading meter-001 2026-01-29T09:45:00Z 12.999)"
publish meters/meter-001/status online
wait_until 'the reading is stored' api_has GET '/api/devices/meter-001/readings?from=2026-01-29T00:00:00Z' 12.345
ok 'an answer of a route' api GET /api/devices
settled() { [[ $(metric 'smartmeter_readings_rejected_total{reason="conflict"}') == 1 ]]; }
wait_until 'the conflict is counted' settled

curl -sS "http://127.0.0.1:$METRICS_PORT/metrics" >"$TMP/metrics"
# promtool lints names and help; what it prints are findings.
is 'promtool has nothing to say of the figures' "$(promtool check metrics <"$TMP/metrics" 2>&1)" ''
python3 "$SM_HERE/prometheus.py" cardinality "$TMP/metrics" >"$TMP/log/cardinality.log"
is 'no name has one series a meter or a person: with two meters there are as many' "$(
  publish meters/meter-002/telemetry "$(reading meter-002 2026-01-29T09:45:00Z 1)"
  api_has GET '/api/devices/meter-002/readings?from=2026-01-29T00:00:00Z' x || true
  wait_until 'the second meter is there' api_has GET '/api/devices' meter-002 >&2
  curl -sS "http://127.0.0.1:$METRICS_PORT/metrics" >"$TMP/metrics.2"
  python3 "$SM_HERE/prometheus.py" cardinality "$TMP/metrics.2" | grep -v ' smartmeter_http_'
)" "$(grep -v ' smartmeter_http_' "$TMP/log/cardinality.log")"

mkdir "$TMP/prometheus"
cp "$DEPLOY/rules.yml" "$TMP/prometheus/"
sed -e "s/127.0.0.1:9464/127.0.0.1:$METRICS_PORT/; s/127.0.0.1:9090/127.0.0.1:$PROMETHEUS_PORT/; s/_interval: 15s/_interval: 1s/" \
  "$DEPLOY/prometheus.yml" >"$TMP/prometheus/prometheus.yml"
start_child prometheus "$TMP/log/prometheus.log" prometheus --config.file="$TMP/prometheus/prometheus.yml" \
  --storage.tsdb.path="$TMP/prometheus/data" --web.listen-address="127.0.0.1:$PROMETHEUS_PORT"
wait_for_http "$PROMETHEUS/-/ready" "$WAIT_S" "$(child_pid prometheus)" || { fail 'Prometheus starts'; exit 1; }
wait_until 'Prometheus reads the figures' value_is 'up{job="smartmeter"}' 1
wait_until 'two readings are counted' value_is 'smartmeter_readings_accepted_total' 2
is 'one was refused, with its reason' "$(value 'smartmeter_readings_rejected_total{reason="conflict"}')" 1
is 'a meter says that it is online' "$(value 'smartmeter_devices{state="online"}')" 1
is 'the other was heard long ago' "$(value 'smartmeter_devices{state="offline"}')" 1
is 'readings from January are in the open bucket of the lag' "$(value 'smartmeter_ingest_lag_seconds_bucket{le="+Inf"} - on() smartmeter_ingest_lag_seconds_bucket{le="86400.000"}')" 2
is 'the server is ready' "$(value smartmeter_ready)" 1
like 'routes are told by their pattern' "$(prom /api/v1/series 'match[]=smartmeter_http_requests_total')" '"route":"/api/devices/\{id\}/readings"'
told_kib=$(($(value 'process_resident_memory_bytes{job="smartmeter"}') / 1024))
rss_kib=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$(server_pid)/status")
ok "its memory ($told_kib KiB) is about that which the system tells ($rss_kib)" test "$((told_kib - rss_kib))" -lt 65536 -a "$((rss_kib - told_kib))" -lt 65536
is 'all rules are loaded' "$(prom /api/v1/rules | grep -o '"health":"ok"' | wc -l)" "$(grep -c -- '- alert:' "$DEPLOY/rules.yml")"
ok 'each query of dashboard and rules is about what is there' \
  quietly python3 "$SM_HERE/prometheus.py" check "$PROMETHEUS" "$DASHBOARD" "$DEPLOY/rules.yml"

# What it is for: somebody is told.
pending() { prom /api/v1/alerts | grep -q "\"alertname\":\"$1\""; }
stop_broker || true
wait_until 'a lost broker makes an alert' pending SmartmeterBrokerLost
wait_until 'and that no readings are taken' pending SmartmeterNotReady
pass 'a lost broker makes its alerts'
start_broker
ready_again() { value_is smartmeter_ready 1; }
wait_until 'ready again' ready_again
gone() { ! pending SmartmeterBrokerLost && ! pending SmartmeterNotReady; }
wait_until 'they go when it is back' gone
pass 'they go when it is back'
kill_server
wait_until 'a dead server makes an alert' pending SmartmeterDown
pass 'a dead server makes an alert'
finish
