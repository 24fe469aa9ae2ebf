#!/usr/bin/env bash
# The disk is full: the server says so and acknowledges nothing that it has not stored; with room again it goes on by itself.
FAULT_BUILD=asan
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
needs_files 'its full disk is that of the files'

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
# Slow enough that what is stored neither fills the disk by itself nor leaves much room inside the store's own files.
start_meters --rate "$(long 3000 800)"
meters_go_on 300
# No error: that it ends for want of room is the purpose.
fill_disk() { head -c 1G /dev/zero >>"$SERVER_DATA/filler" 2>>"$TMP/log/fill.log" || true; }
failures() { metric smartmeter_ingest_commit_failures_total; }
# What the store finds within its own files may take a batch more; when that is used up, nothing is acknowledged any more.
nothing_goes_in() {
  local acknowledged said failed
  fill_disk
  acknowledged=$(acknowledged_count) said=$(said_count) failed=$(failures)
  wait_until 'it tries again and again' more_failures "$((failed + 3))" || return 1
  [[ $(acknowledged_count) == "$acknowledged" && $(said_count) == "$said" ]]
}
more_failures() { local n; n=$(failures); ((${n:-0} >= $1)); }
for ((k = 0; k < $(long 2 20); k++)); do
  fill_disk
  wait_until 'a full disk makes it not ready' server_says 503 /readyz || break
  api GET /readyz || note "$API_BODY"
  wait_until 'what does not fit is acknowledged to nobody' nothing_goes_in || break
  pass 'what does not fit is acknowledged to nobody'
  is 'it stays alive' "$(http_status "$API/healthz")" 200
  # Whatever it has acknowledged must be in the files, not in its memory.
  if ((k % 2 == 1)); then kill_server; fi
  rm -f -- "$SERVER_DATA/filler"
  if ((k % 2 == 1)); then launch_again; fi
  wait_until 'with room again it is ready by itself' server_says 200 /readyz || break
  meters_go_on 300
done
stop_meters
all_is_durable 'the disk was full'
finish
