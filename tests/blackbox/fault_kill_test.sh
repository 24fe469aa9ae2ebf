#!/usr/bin/env bash
# The server is killed at random moments under load: while it starts, takes readings, seals at a clean stop.
# alone: its kills are to come while the server is at work, not while it waits for a processor.
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"

kills=$(long 8 100)
start_world
start_meters --rate "$(long 3000 1500)"

stored_now() { local n; n=$(metric smartmeter_readings_accepted_total); printf '%s' "${n:-0}"; }
stored_some() { (($(stored_now) >= $1)); }

# A life of the server ends as it starts, after it has stored some, or in the middle of a clean stop.
lives_that_stored=0
for ((k = 0; k < kills; k++)); do
  case $((k % 4)) in
    3) pause_ms "$(random_below 250)" ;;
    *)
      wait_until "life $k stores some" stored_some "$((1 + $(random_below 400)))" || break
      lives_that_stored=$((lives_that_stored + 1))
      pause_ms "$(random_below 60)"
      ;;
  esac
  # Now and then there is time to seal all of it, so that the next life has days to merge.
  if ((k % 4 == 1)); then
    kill -TERM "$(server_pid)"
    pause_ms "$(random_below "$((k % 8 == 5 ? 400 : 40))")"
  fi
  kill_server 2>/dev/null
  launch_again
done
note "$k kills, $lives_that_stored of them after some were stored"
wait_for_http "$API/readyz" "$WAIT_S" "$(server_pid)" || fail 'the server is ready again'
login
stop_meters
all_is_durable "killed $kills times"
finish
