#!/usr/bin/env bash
# Three brokers, one script: Mosquitto as bundled, RabbitMQ and NATS from Debian, each with an unchanged server that knows it by
# SMARTMETER_MQTT_URL alone. What it prints is what docs/brokers.md says. Only in `./test --long`.
# SM_BROKERS="nats rabbitmq" chooses some of them, and also knows rabbitmq-classic: RabbitMQ with classic queues.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/blackbox/rabbitmq.sh
source "$SM_HERE/rabbitmq.sh"
# shellcheck source=tests/blackbox/nats.sh
source "$SM_HERE/nats.sh"

if [[ ${SM_TEST_LONG:-0} != 1 ]]; then
  skip 'three brokers' 'only in ./test --long'
  finish
fi

WAIT_S=180
BROKER_PASSWORD=$(openssl rand -hex 16)
# How long NATS waits for an acknowledgement before it sends again; its own default is 30 s.
NATS_ACK_WAIT='ack_wait: "2s"'

# --- the brokers: BROKER is one of them, and `broker_…` what it is asked for ------------------------------------------------

# broker_start: in DATA, again after stop_broker or kill_broker.
broker_start() {
  case $BROKER in
    mosquitto) start_broker ;;
    rabbitmq) start_rabbitmq quorum ;;
    rabbitmq-classic) start_rabbitmq classic ;;
    nats) start_nats "$NATS_ACK_WAIT" 'max_ack_pending: 10000' ;;
  esac
}

# broker_url: what SMARTMETER_MQTT_URL is set to.
broker_url() {
  case $BROKER in
    mosquitto) printf 'mqtts://smartmeter-server:%s@localhost:%s' "$(<"$DATA/broker/server.password")" "$MQTTS_PORT" ;;
    *) printf 'mqtt://smartmeter-server:%s@127.0.0.1:%s' "$BROKER_PASSWORD" "$MQTT_PORT" ;;
  esac
}

# broker_add_m1: the account `m1` of a meter; NATS has it in its configuration.
broker_add_m1() {
  case $BROKER in
    mosquitto)
      printf 'm1:%s\n' "$BROKER_PASSWORD" >"$TMP/added"
      mosquitto_passwd -U "$TMP/added"
      cat "$TMP/added" >>"$DATA/broker/passwords"
      kill -HUP "$(broker_pid)"
      ;;
    rabbitmq*) add_rabbitmq_meter m1 "$BROKER_PASSWORD" ;;
  esac
}

# as_m1 COMMAND ARGUMENT...: mosquitto_pub or mosquitto_sub with that account.
as_m1() {
  local command=$1 where=(-h 127.0.0.1 -p "$MQTT_PORT")
  shift
  if [[ $BROKER == mosquitto ]]; then where=(-h localhost -p "$MQTTS_PORT" --cafile "$DATA/broker/ca.crt"); fi
  "$command" "${where[@]}" -u m1 -P "$BROKER_PASSWORD" -q 1 "$@" 2>>"$TMP/log/m1.log"
}

# as_server_account COMMAND ARGUMENT...: with the server's account, while the server is away. as_meters ARGUMENT...: mosquitto_pub
# as any meter.
as_server_account() {
  if [[ $BROKER == mosquitto ]]; then
    as_server "$@"
  else
    "$1" -h 127.0.0.1 -p "$MQTT_PORT" -u smartmeter-server -P "$BROKER_PASSWORD" "${@:2}"
  fi
}
as_meters() {
  local account=()
  if [[ $BROKER != mosquitto ]]; then account=(-u smartmeter-server -P "$BROKER_PASSWORD"); fi
  mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 1 "${account[@]}" "$@"
}

# --- meters and server ------------------------------------------------------------------------------------------------------

# One server, which says so where it could have others beside it: on a database server.
settings() {
  SETTINGS=(SMARTMETER_MQTT_URL="$(broker_url)" SMARTMETER_MQTT_CA="$DATA/broker/ca.crt" SMARTMETER_AUTO_REGISTER=1)
  if on_server; then SETTINGS+=(SMARTMETER_MQTT_SHARE=none); fi
}
serve() { settings && start_server "${SETTINGS[@]}" "$@"; }
begin_serve() { settings && launch_server "${SETTINGS[@]}" "$@"; }

# meters LOG METERS COUNT [ARRAY [BYTES]]: see meters.py. The plain listener of Mosquitto takes any name.
meters() { METERS_PASSWORD=$BROKER_PASSWORD "$SM_HERE/meters.py" publish "$MQTT_PORT" smartmeter-server "$TMP/$1" "${@:2}"; }

acknowledged() { if [[ -f $TMP/$1 ]]; then wc -l <"$TMP/$1"; else echo 0; fi; }
acknowledged_some() { (($(acknowledged "$1") >= $2)); }
taken() { local n; n=$(metric smartmeter_mqtt_messages_total); printf '%s' "${n:-0}"; }
taken_some() { (($(taken) >= $1)); }
# not_ready_for REGEX: the server says that it is not ready, and why.
not_ready_for() { ! api GET /readyz && [[ $API_STATUS == 503 && $API_BODY =~ $1 ]]; }

check_log() { METERS_TOKEN=$TOKEN "$SM_HERE/meters.py" check "$API" "$TMP/$1"; }
all_there() { [[ $(check_log "$1") == *' 0 missing,'* ]]; }

# stored_once WHAT LOG READINGS: all of them are there once; a failed test says what is.
stored_once() {
  login || return 0
  until_stored "$2" || true
  is "$BROKER: $1" "$(check_log "$2")" "$3 acknowledged, 0 missing, 0 double, 0 wrong"
}

# until_stored LOG: until all of it is stored, or the server has taken nothing for a while.
until_stored() {
  local deadline before=-1 now
  deadline=$(($(now_ms) + 10000))
  until all_there "$1"; do
    now=$(metric smartmeter_readings_accepted_total)
    if [[ $now != "$before" ]]; then before=$now deadline=$(($(now_ms) + 10000)); fi
    (($(now_ms) < deadline)) || return 1
    sleep 0.2
  done
}

# --- the script -------------------------------------------------------------------------------------------------------------

plain_load() {
  meters plain a0,a1,a2,a3,a4 4000
  stored_once '20,000 readings of five meters' plain 20000
}

arrays() {
  meters arrays b0,b1 20 500
  stored_once 'arrays of 500' arrays 20000
  meters large b2 3 500 262000
  stored_once 'arrays of 500 in 256 KiB' large 1500
}

# server_killed: each time with meters of its own, so that it is in the middle of their messages.
server_killed() {
  local k publisher
  for k in 0 1 2 3 4; do
    meters "killed$k" "c$k,d$k" 2000 &
    publisher=$!
    wait_until "$BROKER: life $k takes some" taken_some 500 || break
    kill_server
    begin_serve
    wait "$publisher"
  done
  wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || fail "$BROKER: the server is ready again"
  cat "$TMP"/killed? >"$TMP/killed"
  stored_once 'server killed 5 times under load' killed 20000
}

server_away() {
  stop_server
  meters away i0,i1 2000
  serve
  stored_once 'server away, messages wait in its session' away 4000
}

# stall: the server is stopped in the middle of its work for longer than NATS waits. Only NATS sends again on the same connection.
stall() {
  local connects before
  connects=$(metric smartmeter_mqtt_connects_total)
  kill -STOP "$(server_pid)"
  meters stall e0 1000
  if [[ $BROKER == nats ]]; then wait_until 'nats: it sends again' nats_sends_again; fi
  kill -CONT "$(server_pid)"
  stored_once 'server stalled' stall 1000
  before=$(metric smartmeter_readings_duplicate_total)
  is "$BROKER: over one connection" "$(metric smartmeter_mqtt_connects_total)" "$connects"
  if [[ $BROKER == nats ]]; then like 'nats: what it sent again was a duplicate' "$before" '^[1-9]'; fi
}
nats_sends_again() { (($(nats_redelivered) > 0)); }

# broker_killed: while the server takes what comes, and while it is away.
broker_killed() {
  kill_broker_under_load crash f0,f1,f2,f3
  wait_until "$BROKER: the server is connected again" api_is GET /readyz 200
  lost_at_most 'broker killed 3 times under load' crash "$1"
  stop_server
  kill_broker_under_load waiting g0,g1,g2,g3
  serve
  lost_at_most 'broker killed 3 times while messages wait for the server' waiting "$2"
}

# kill_broker_under_load LOG METERS: 12,000 messages of four meters, and three kills among them.
kill_broker_under_load() {
  local k publisher
  meters "$1" "$2" 3000 &
  publisher=$!
  for k in 1 2 3; do
    wait_until "$BROKER: 3,000 more are acknowledged" acknowledged_some "$1" $((k * 3000)) || break
    kill_broker
    broker_start
  done
  wait "$publisher"
}

# lost_at_most WHAT LOG READINGS
lost_at_most() {
  local result missing
  login
  until_stored "$2" || true
  result=$(check_log "$2")
  note "$BROKER: $1: $result"
  missing=${result#*acknowledged, } missing=${missing%% *}
  if ((missing <= $3)) && [[ $result == *' 0 double, 0 wrong' ]]; then
    pass "$BROKER: $1: at most $3 lost"
  else
    fail "$BROKER: $1: at most $3 lost" "$result"
  fi
}

# Meters' accounts: what is forbidden is sent before what is allowed, and would have come first. A broker may also end the
# connection of who tries.
accounts() {
  broker_add_m1
  wait_until "$BROKER: the account is there" as_m1 mosquitto_pub -t meters/m1/status -m online || return 0
  local forbidden
  for forbidden in meters/m2/telemetry meters/m1/ack meters/m1/command; do
    if as_m1 mosquitto_pub -t "$forbidden" -m "$(reading m2 2026-01-29T09:45:00Z 1)"; then
      note "$BROKER: publishing to $forbidden is acknowledged"
    else
      note "$BROKER: publishing to $forbidden ends the connection"
    fi
  done
  as_m1 mosquitto_pub -t meters/m1/telemetry -m "$(reading m1 2026-01-29T09:45:00Z 1)" || fail "$BROKER: m1 publishes"
  login
  wait_until "$BROKER: a meter publishes with its own account" api_has GET /api/devices '"m1"' || return 0
  pass "$BROKER: a meter publishes with its own account"
  ok "$BROKER: and for itself only" test "${API_BODY/\"m2\"/}" = "$API_BODY"
}

# last_will: a meter that vanishes.
last_will() {
  as_meters -t meters/w0/telemetry -m "$(reading w0 2026-01-29T09:45:00Z 1)"
  wait_until "$BROKER: w0 is known" api_has GET /api/devices '"w0"' || return 0
  (METERS_PASSWORD=$BROKER_PASSWORD exec "$SM_HERE/meters.py" vanish "$MQTT_PORT" smartmeter-server w0) || true
  wait_until "$BROKER: a vanished meter is offline" w0_is_offline || return 0
  pass "$BROKER: a vanished meter is offline"
}
w0_is_offline() {
  api GET /api/devices || return 1
  [[ $(python3 -c 'import json, sys
print([d["status"] for d in json.load(sys.stdin)["devices"] if d["device_id"] == "w0"])' <<<"$API_BODY") == "['offline']" ]]
}

# --- what a broker can: a line, and the table of docs/brokers.md -------------------------------------------------------------

# shellcheck disable=SC2016 # MQTT's own name
declare -A ABILITIES=(
  [mosquitto]='MQTT 5: yes, $share: delivers, retained for wildcards: yes, dot in a name: kept, 1.5 MB: dropped'
  [rabbitmq]='MQTT 5: no, $share: grants and does not deliver, retained for wildcards: no, dot in a name: another topic, 1.5 MB: passes'
  [nats]='MQTT 5: no, $share: grants and does not deliver, retained for wildcards: yes, dot in a name: refused, 1.5 MB: passes'
)

# session_hears TOPIC FILTER FORMAT MOSQUITTO_PUB_OPTION...: what a persistent session with that filter is given of a message to
# TOPIC; "refused" if the subscription or the message is.
session_hears() {
  local topic=$1 filter=$2 format=$3
  shift 3
  as_server_account mosquitto_sub -i facts -t nothing -E 2>/dev/null
  as_server_account mosquitto_sub -i facts -c -q 1 -t "$filter" -E 2>/dev/null || { printf refused; return 0; }
  as_meters -t "$topic" "$@" 2>/dev/null || { printf refused; return 0; }
  as_server_account mosquitto_sub -i facts -c -q 1 -t "$filter" -W 3 -C 1 -F "$format" 2>/dev/null || true
}

abilities() {
  local five shared retained dot large
  five=no
  if as_meters -V 5 -t meters/m1/status -m online 2>/dev/null; then five=yes; fi
  # shellcheck disable=SC2016 # MQTT's own name
  shared=$(session_hears meters/m1/telemetry '$share/facts/meters/+/telemetry' %p -m shared)
  case $shared in shared) shared=delivers ;; '') shared='grants and does not deliver' ;; esac
  as_meters -r -t meters/m1/status -m kept
  retained=$(as_server_account mosquitto_sub -q 1 -t 'meters/+/status' -W 3 -C 1 -F %p 2>/dev/null) || true
  case $retained in '') retained=no ;; *) retained=yes ;; esac # of any meter
  dot=$(session_hears meters/m.1/telemetry 'meters/+/telemetry' %t -m dot)
  case $dot in meters/m.1/telemetry) dot=kept ;; '') dot='another topic' ;; esac
  head -c 1500000 /dev/zero | tr '\0' x >"$TMP/large-message"
  large=$(session_hears meters/m1/telemetry 'meters/+/telemetry' %l -f "$TMP/large-message")
  case $large in 1500000) large=passes ;; '' | refused) large=dropped ;; esac
  # shellcheck disable=SC2016 # MQTT's own name
  printf 'MQTT 5: %s, $share: %s, retained for wildcards: %s, dot in a name: %s, 1.5 MB: %s' \
    "$five" "$shared" "$retained" "$dot" "$large"
}

# --- acknowledgements, versions, shared subscriptions -----------------------------------------------------------------------

acks() {
  as_m1 mosquitto_sub -i m1-listens -t meters/m1/ack -C 1 -W "$WAIT_S" >"$TMP/ack" &
  local listener=$!
  # Until the subscription stands, an acknowledgement has nowhere to go: the meter sends again, as meters do.
  hears_ack() {
    # Not with the meter's account: that is one client with Mosquitto, and would end the listener's connection.
    as_meters -t meters/m1/telemetry -m "$(reading m1 2026-01-29T10:00:00Z 2 ', "seq": 7, "epoch": 3, "seq_first": 7')"
    [[ -s $TMP/ack ]]
  }
  wait_until "$BROKER: an acknowledgement reaches the meter" hears_ack || return 0
  wait "$listener"
  is "$BROKER: an acknowledgement reaches the meter" "$(json .epoch "$(<"$TMP/ack")") $(json .seq "$(<"$TMP/ack")")" '3 7'
}

# versions: SMARTMETER_MQTT_VERSION=auto, the default, has worked so far; what a broker says to 5 alone.
versions() {
  stop_server
  if [[ $BROKER == mosquitto ]]; then
    serve SMARTMETER_MQTT_VERSION=5
    pass 'mosquitto: MQTT 5'
  else
    begin_serve SMARTMETER_MQTT_VERSION=5
    wait_until "$BROKER: no MQTT 5" not_ready_for 'version|closed the connection|connection broke' || return 0
    note "$BROKER: MQTT 5: $API_BODY"
    pass "$BROKER: no MQTT 5"
  fi
  stop_server
  serve SMARTMETER_MQTT_VERSION=3.1.1
  meters version h0 100
  stored_once 'MQTT 3.1.1' version 100
}

# shared: two connections that share a subscription, where that delivers; where it does not, the server says so.
shared() {
  stop_server
  if [[ $BROKER == mosquitto ]]; then
    # As the bundled broker: by an address with one account both would be one client to it (use_username_as_clientid).
    serve SMARTMETER_MQTT_URL= SMARTMETER_MQTT_SHARE=servers SMARTMETER_MQTT_CONNECTIONS=2
    meters shared j0,j1,j2 1000
    stored_once 'a shared subscription over two connections' shared 3000
  else
    begin_serve SMARTMETER_MQTT_SHARE=servers SMARTMETER_MQTT_CONNECTIONS=2
    wait_until "$BROKER: the server says that shared subscriptions do not deliver" not_ready_for 'does not deliver to them' ||
      return 0
    note "$BROKER: shared subscription: $API_BODY"
    pass "$BROKER: the server says that shared subscriptions do not deliver"
  fi
  stop_server
}

# What a filled-up store does is worth knowing before: the server could not even come back to empty it.
nats_full() {
  DATA=$TMP/nats-full
  mkdir -p "$DATA"
  SM_NATS_FILE_STORE=2000000
  broker_start
  serve
  stop_server
  local n=0 refusals
  while ((n < 20)) && head -c 200000 /dev/zero | as_meters -t meters/m1/telemetry -s 2>/dev/null; do n=$((n + 1)); done
  like 'nats: a full store acknowledges nothing more' "$n" '^([1-9]|1[0-9])$'
  refusals=$(refused_by_nats)
  begin_serve
  wait_until 'nats: and the server cannot return to its session' refused_again || return 0
  pass 'nats: and the server cannot return to its session'
  stop_server
  stop_broker || true
  SM_NATS_FILE_STORE=10000000
  broker_start
  serve
  taken_all() { (($(taken) == n)); }
  wait_until 'nats: with more room it gets what waits' taken_all || return 0
  pass 'nats: with more room it gets what waits'
  stop_server
  stop_broker || true
}
refused_by_nats() { grep -c 'unable to persist session' "$TMP/log/nats.log" || true; }
refused_again() { (($(refused_by_nats) > refusals)); }

# RabbitMQ forgets a session after mqtt.subscription_ttl, by default a day, with all that waits in it.
rabbitmq_forgets() {
  DATA=$TMP/rabbitmq-forgets
  mkdir -p "$DATA"
  SM_RABBITMQ_SESSION_MS=1000
  broker_start
  serve
  stop_server
  meters forgotten k0 100
  forgotten() { [[ -z $(rabbitmqctl list_queues name) ]]; }
  wait_until 'rabbitmq: a session is forgotten after mqtt.subscription_ttl' forgotten || return 0
  serve
  login
  is 'rabbitmq: a session is forgotten after mqtt.subscription_ttl' "$(check_log forgotten)" '100 acknowledged, 100 missing, 0 double, 0 wrong'
  stop_server
  stop_broker || true
}

# run_broker NAME LOSS_TAKEN LOSS_WAITING: everything with one broker, which may lose so many acknowledged messages over three
# kills while the server takes them, and while they wait.
run_broker() {
  BROKER=$1
  DATA=$TMP/$BROKER
  mkdir -p "$DATA/broker"
  { read -r HTTP_PORT; read -r METRICS_PORT; read -r MQTT_PORT; read -r MQTTS_PORT; } < <(free_port 4)
  API=http://127.0.0.1:$HTTP_PORT
  broker_start
  serve
  plain_load
  arrays
  server_killed
  server_away
  stall
  broker_killed "$2" "$3"
  accounts
  last_will
  acks
  versions
  shared
  is "$BROKER: what it can" "$(abilities)" "${ABILITIES[${BROKER%-classic}]}"
  # NATS 2.9 has status 1 after a SIGTERM.
  stop_broker || note "$BROKER: stops with status $?"
}

for name in ${SM_BROKERS:-mosquitto rabbitmq nats}; do
  # Mosquitto acknowledges before it writes: what is on its way to the server (max_inflight_messages), and what has come in since
  # the last write, which four meters with 100 on their way bound.
  if [[ $name == mosquitto ]]; then run_broker "$name" 1260 1200; else run_broker "$name" 0 0; fi
  case $name in
    nats) nats_full ;;
    rabbitmq) rabbitmq_forgets ;;
  esac
done
finish
