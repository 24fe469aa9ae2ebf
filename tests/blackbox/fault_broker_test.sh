#!/usr/bin/env bash
# The broker is killed and comes back, again and again, and loses what it had not written. Meters that send `seq` lose
# nothing by that: they keep their readings until the server itself acknowledges them.
PLAIN_METERS=0 SEQ_METERS=8
FAULT_BUILD=asan
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"

kills=$(long 4 40)
start_world
start_meters
if ! meters_go_on 1; then
  note 'this server sends no meters/{id}/ack'
  finish
fi
for ((k = 0; k < kills; k++)); do
  meters_go_on "$((1 + $(random_below 800)))" || break
  pause_ms "$(random_below 100)"
  kill_broker 2>/dev/null
  pause_ms "$(random_below 300)"
  start_broker
done
meters_go_on 100
stop_meters
ok 'the meters connected again each time' test "$(json .connects "$(<"$METERS_STATE")")" -ge "$((SEQ_METERS * (kills + 1)))"
ok 'what the server acknowledged is stored by then' compare_all
all_is_durable "the broker was killed $kills times"
finish
