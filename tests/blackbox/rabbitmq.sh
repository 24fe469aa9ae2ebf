# shellcheck shell=bash
# A private RabbitMQ with its MQTT plugin, for black-box tests; source it behind lib.sh.
#
# It is the Debian package's server without its service: one process of the test's own user, everything in the test's folder,
# MQTT, the distribution port and Erlang's port mapper on loopback and free ports. AMQP is off.

RABBITMQ_CTL=/usr/lib/rabbitmq/bin/rabbitmqctl

# write_rabbitmq_conf DIR QUEUE_TYPE: the settings that docs/brokers.md asks for. SM_RABBITMQ_SESSION_MS: how long a session is kept.
write_rabbitmq_conf() {
  local dir=$1
  cat >"$dir/rabbitmq.conf" <<EOF
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:$MQTT_PORT
mqtt.allow_anonymous = false
mqtt.durable_queue_type = $2
mqtt.subscription_ttl = ${SM_RABBITMQ_SESSION_MS:-undefined}
mqtt.prefetch = 1000
default_user = smartmeter-server
default_pass = $BROKER_PASSWORD
log.console = true
log.file = false
EOF
  echo '[rabbitmq_mqtt].' >"$dir/enabled_plugins"
}

# rabbitmq_environment DIR: fills RABBITMQ_ENV. RUNNING_UNDER_SYSTEMD makes the script become the server, so that the process
# that was started is the one to end.
rabbitmq_environment() {
  RABBITMQ_ENV=(env "HOME=$1" "ERL_EPMD_PORT=$EPMD_PORT" ERL_EPMD_ADDRESS=127.0.0.1 RUNNING_UNDER_SYSTEMD=yes
    RABBITMQ_NODENAME=smartmeter@localhost RABBITMQ_CONF_ENV_FILE=/dev/null "RABBITMQ_CONFIG_FILE=$1/rabbitmq.conf"
    "RABBITMQ_ENABLED_PLUGINS_FILE=$1/enabled_plugins" "RABBITMQ_MNESIA_BASE=$1/mnesia" "RABBITMQ_LOG_BASE=$1/log"
    "RABBITMQ_DIST_PORT=$DISTRIBUTION_PORT"
    'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}')
}

# start_rabbitmq QUEUE_TYPE: in $DATA/broker, as the child `broker`; again after stop_broker or kill_broker it starts
# on what is there. The port mapper is the child `epmd`.
start_rabbitmq() {
  local dir=$DATA/broker
  mkdir -p "$dir"
  if [[ -z ${SM_CHILD_PID[epmd]:-} ]]; then
    { read -r EPMD_PORT; read -r DISTRIBUTION_PORT; } < <(free_port 2)
    start_child epmd "$TMP/log/epmd.log" epmd -port "$EPMD_PORT" -address 127.0.0.1
    wait_for_port "$EPMD_PORT" "$WAIT_S" "$(child_pid epmd)" || { fail 'the port mapper starts'; exit 1; }
  fi
  write_rabbitmq_conf "$dir" "$@"
  rabbitmq_environment "$dir"
  start_child broker "$TMP/log/rabbitmq.log" "${RABBITMQ_ENV[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server
  wait_for_port "$MQTT_PORT" "$WAIT_S" "$(child_pid broker)" || { fail 'RabbitMQ starts'; exit 1; }
}

rabbitmqctl() { "${RABBITMQ_ENV[@]}" "$RABBITMQ_CTL" -q "$@"; }

# add_rabbitmq_meter NAME PASSWORD: an account that may write its own telemetry and status, and hear its own ack and command.
# Topics have dots here instead of slashes; the queue of a subscription is the client's own.
add_rabbitmq_meter() {
  printf '%s' "$2" | rabbitmqctl add_user "$1" >/dev/null
  rabbitmqctl set_permissions "$1" '^mqtt-subscription-.*' '^(mqtt-subscription-.*|amq\.topic)$' '^(mqtt-subscription-.*|amq\.topic)$'
  rabbitmqctl set_topic_permissions "$1" amq.topic '^meters\.{username}\.(telemetry|status|firmware)$' '^meters\.{username}\.(ack|command)$'
}
