#!/usr/bin/env bash
# The disk is full: the server says so and acknowledges nothing that it has not stored; with room again it goes on by itself.
FAULT_BUILD=asan
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"

SERVER_DATA=$TMP/small
mkdir "$SERVER_DATA"
if ! mount -t tmpfs -o size=24m,mode=700 tmpfs "$SERVER_DATA" 2>>"$TMP/log/mount.log"; then
  skip 'a full disk' 'a small file system cannot be mounted here (it takes root)'
  finish
fi
# The file system goes with the test, whatever becomes of it.
end_with_disk() {
  local status=$?
  set +e
  stop_children
  umount -l "$SERVER_DATA"
  (exit "$status")
  end_test
}
trap end_with_disk EXIT

with_tap
start_world
start_meters --rate 3000
meters_go_on 300
more_failures() { local n; n=$(metric smartmeter_ingest_commit_failures_total); ((${n:-0} >= $1)); }
for ((k = 0; k < $(long 2 20); k++)); do
  # No error: that it ends for want of room is the purpose.
  head -c 1G /dev/zero >"$SERVER_DATA/filler" 2>>"$TMP/log/fill.log" || true
  wait_until 'a full disk makes it not ready' server_says 503 /readyz || break
  api GET /readyz || note "$API_BODY"
  # What was stored just before is acknowledged before the next try fails.
  failures=$(metric smartmeter_ingest_commit_failures_total)
  wait_until 'it tries again' more_failures "$((failures + 2))" || break
  before=$(acknowledged_count) said_before=$(said_count)
  wait_until 'and again' more_failures "$((failures + 4))" || break
  is 'nothing is acknowledged to the broker meanwhile' "$(acknowledged_count)" "$before"
  is 'nor to a meter' "$(said_count)" "$said_before"
  is 'it stays alive' "$(http_status "$API/healthz")" 200
  rm -f -- "$SERVER_DATA/filler"
  wait_until 'with room again it is ready by itself' server_says 200 /readyz || break
  meters_go_on 300
done
stop_meters
all_is_durable 'the disk was full'
finish
