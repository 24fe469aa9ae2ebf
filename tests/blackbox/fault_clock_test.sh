#!/usr/bin/env bash
# The server's clock jumps, hours and years, forward and back (tests/faults/clock.c): readings are stored once all the same,
# none that is stored goes away, people can log in, and the live view goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"

# In a folder that is there before the server, as fault_hang_test.sh says.
ahead=$TMP/log/ahead_s
hour_s=3600 year_s=$((365 * 86400))
# By a connection without TLS: a certificate that is not valid in the year that the clock says is another matter.
with_tap
printf '0' >"$ahead"
# Raw readings are kept for 62 days after the newest: a clock that is years ahead must not make them older.
start_world "LD_PRELOAD=$SM_SHIMS/clock.so" "SM_CLOCK_FILE=$ahead" SMARTMETER_RAW_RETENTION_DAYS=62
# Old enough not to be in the future after any of the jumps.
start_meters --start 2021-03-01T00:00:00Z --step-s 60 --rate 1000
meters_go_on 300

# live_goes_on: a client that connects now gets new readings.
live_goes_on() {
  local hello
  login || return 1
  hello=$(printf '{"token": "%s", "devices": "*"}' "$TOKEN")
  # ready, the last reading of each meter, and more.
  python3 "$SM_HERE/websocket.py" "$HTTP_PORT" /api/live "$hello" "$((PLAIN_METERS + SEQ_METERS + 20))" >"$TMP/live" || return 1
  ! grep -q '^close' "$TMP/live" && [[ $(grep -c '"type":"reading"' "$TMP/live") -ge 20 ]]
}

jump() {
  note "the clock is $1 s ahead"
  printf '%s' "$1" >"$ahead.new"
  mv -- "$ahead.new" "$ahead"
  meters_go_on 300
  ok "live goes on, $1 s ahead" live_goes_on
}
for s in "$((3 * hour_s))" "$((-5 * hour_s))" "$((6 * year_s))" "$((-3 * year_s))" 0; do jump "$s"; done
if [[ ${SM_TEST_LONG:-0} == 1 ]]; then
  for ((k = 0; k < 30; k++)); do jump "$(($(random_below $((9 * year_s))) - 3 * year_s))"; done
fi
# Restarts in another time.
for s in "$((6 * year_s))" "$((-3 * year_s))"; do
  printf '%s' "$s" >"$ahead"
  kill_server
  start_again
  meters_go_on 300
done
stop_meters
login
all_is_there 'the clock jumped'
printf '0' >"$ahead"
stop_server
start_again
login
all_is_durable 'the clock is right again'
finish
