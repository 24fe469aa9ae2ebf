#!/usr/bin/env bash
# The disk of the readings does not answer for a while (tests/faults/hang.c): nothing is acknowledged meanwhile, the server
# says so and stays alive, and goes on by itself when the disk does.
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
needs_files 'its disk that hangs is that of the files'

# In a folder that is there before the server: it cannot open what is made beside its data folder later (app/confine.h).
hang=$TMP/log/hang
with_tap
start_world "LD_PRELOAD=$SM_SHIMS/hang.so" "SM_HANG_FILE=$hang" "SM_HANG_DIR=$DATA"
start_meters --rate 600
meters_go_on 300
# What was committed just before, and what comes again and is stored already, needs no disk to be acknowledged.
stands_still() {
  local acknowledged said
  acknowledged=$(acknowledged_count) said=$(said_count)
  pause_ms 1000
  [[ $(acknowledged_count) == "$acknowledged" && $(said_count) == "$said" ]]
}
for ((k = 0; k < $(long 1 5); k++)); do
  : >"$hang"
  wait_until 'the store waits for its disk' test -e "$hang.seen"
  wait_until 'what needs no disk is acknowledged' stands_still
  before=$(acknowledged_count) said_before=$(said_count)
  is 'alive meanwhile' "$(http_status "$API/healthz")" 200
  WAIT_S=20 wait_until 'not ready meanwhile' server_says 503 /readyz && pass 'not ready meanwhile'
  api GET /readyz || note "$API_BODY"
  pause_ms "$(long 3000 30000)"
  is 'nothing is acknowledged to the broker meanwhile' "$(acknowledged_count)" "$before"
  is 'nor to a meter' "$(said_count)" "$said_before"
  rm -f -- "$hang" "$hang.seen"
  wait_until 'ready again' server_says 200 /readyz
  meters_go_on 300
done
stop_meters
all_is_durable 'the disk did not answer for a while'
finish
