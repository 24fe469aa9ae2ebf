#!/usr/bin/env bash
# Two servers, of which one is stopped (SIGSTOP) and goes on, loses its client id to somebody, is cut off from the database, and from
# the broker: what its leases are for is done by the other meanwhile, nothing is lost, and no client id is served without a lease.
PLAIN_METERS=4 SEQ_METERS=3
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
if ! on_postgres; then exec "$SM_ROOT/tests/postgres/with_postgres" --command "$SM_HERE/leases_test.sh"; fi
LEASE_S=${LEASE_S:-4}
source "$SM_HERE/two_servers.sh"

# --- the other one is on two cables ---------------------------------------------------------------------------------------
{
  read -r DB_PORT
  read -r BROKER_PORT
} < <(free_port 2)
# lay_cable NAME PORT TARGET. cut_cable NAME silent|cut; mend_cable NAME.
lay_cable() {
  mkdir -p "$TMP/$1"
  start_child "$1" "$TMP/log/$1.log" python3 "$SM_FAULTS/cable.py" "$2" "$3" "$TMP/$1"
  wait_for_port "$2" "$WAIT_S" "$(child_pid "$1")" || { fail "the cable to the $1 is laid"; exit 1; }
}
cut_cable() { touch "$TMP/$1/$2"; }
mend_cable() { rm -f -- "$TMP/$1/silent" "$TMP/$1/cut"; }
url=$(store_url "$DATA")
database=${url#*@/}
database=${database%%\?*}
lay_cable database-cable "$DB_PORT" "$SM_TEST_POSTGRES/.s.PGSQL.5432"
lay_cable broker-cable "$BROKER_PORT" "127.0.0.1:$MQTT_PORT"
OTHER_SETTINGS=("SMARTMETER_STORE=postgresql://smartmeter@127.0.0.1:$DB_PORT/$database?sslmode=disable&connect_timeout=2"
  "SMARTMETER_MQTT_URL=mqtt://smartmeter-server:secret@127.0.0.1:$BROKER_PORT")

start_two_servers
wait_until 'they see each other' see_each_other
ok 'the one leads' leads
start_meters --rate 200 --other 0
meters_go_on 100
holds() { ledger_sql "SELECT count(*) FROM lease WHERE name LIKE 'fleet/mqtt/%' AND holder = '$1'"; }
id_of() { cat "$1/server-id"; }
one=$(id_of "$DATA") other=$(id_of "$OTHER_DATA")
both_hold_one() { [[ $(holds "$one") == 1 && $(holds "$other") == 1 ]] && slots_are 2; }
wait_until 'each serves a client id' both_hold_one && pass 'each serves a client id'

# --- the leader, who holds a client id, is stopped, and goes on -------------------------------------------------------------
kill -STOP "$(server_pid)"
at_other wait_until 'the other leads' leads && pass 'a leader that is stopped leads no more'
wait_until 'its client id is drained' slots_are 1 && pass 'its client id is drained'
meters_go_on 100
kill -CONT "$(server_pid)"
is 'going on, it does not take itself for the leader' "$(metric smartmeter_servers_leads)" 0
wait_until 'it notices' metric_over smartmeter_servers_cut_off_total 0 && pass 'it notices that its leases have ended'
wait_until 'each serves a client id again' both_hold_one && pass 'each serves a client id again, by a lease'
wait_until 'it is ready again' server_says 200 /readyz
ok 'one leads' lead_is_one
meters_go_on 100
# All that it is subscribed by can be taken over: nothing waits in a session that nobody has a lease of.
kill_server 2>/dev/null
at_other wait_until 'what it held is drained' slots_are 1 && pass 'what it holds when it dies is drained'
start_again
login

# --- its client id is somebody else's ----------------------------------------------------------------------------------------
wait_until 'both serve' both_hold_one
slot=$(ledger_sql "SELECT name FROM lease WHERE name LIKE 'fleet/mqtt/%' AND holder = '$one'")
lost=$(metric smartmeter_mqtt_slots_lost_total)
ledger_sql "UPDATE lease SET holder = 'somebody', until_ms = until_ms + 86400000 WHERE name = '$slot'" >/dev/null
wait_until 'it lets go' metric_over smartmeter_mqtt_slots_lost_total "$lost" && pass 'a client id that another one has taken is let go'
has_another() { [[ $(holds "$one") == 1 ]]; }
wait_until 'it serves another' has_another && pass 'and another is served'
meters_go_on 100
ledger_sql "UPDATE lease SET until_ms = 0 WHERE name = '$slot'" >/dev/null # somebody dies
wait_until 'that is drained' both_hold_one && pass 'what was put into its session is drained when that one dies'

# --- somebody holds the ledger up ------------------------------------------------------------------------------------------
# As a server does that is stopped in the middle of a transaction, or a commit that waits: 0x534d is "SM", 1 the ledger.
cuts() { printf '%s' "$(($(metric smartmeter_servers_cut_off_total) + $(at_other metric smartmeter_servers_cut_off_total)))"; }
before=$(cuts)
held=0
ledger_sql "SELECT pg_advisory_lock(21325, 1); SELECT pg_sleep($((3 * LEASE_S)))" >/dev/null 2>>"$TMP/log/psql.log" &
sleeper=$!
is_held() { [[ $(ledger_sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 21325 AND objid = 1 AND granted") != 0 ]]; }
wait_until 'the lock is held' is_held
while kill -0 "$sleeper" 2>/dev/null; do
  meters_go_on 20 || break
  held=$((held + 1))
done
wait "$sleeper" || fail 'the lock was held to its end'
note "$held times 20 readings meanwhile"
is 'no server loses its leases by that' "$(cuts)" "$before"

# --- cut off from the database -----------------------------------------------------------------------------------------------
cut=$(at_other metric smartmeter_servers_cut_off_total)
has_said() { (($(grep -c servers.cut_off "$TMP/log/other.log") > $1)); }
said=$(grep -c servers.cut_off "$TMP/log/other.log" || true)
cut_cable database-cable silent
wait_until 'it is cut off' has_said "$said" && pass 'cut off from the database, it says so'
is 'it leads no more, and its metrics tell it' \
  "$(at_other metric smartmeter_servers_leads) $(($(at_other metric smartmeter_servers_cut_off_total) - cut))" '0 1'
at_other wait_until 'it is not ready' server_says 503 /readyz && pass 'and is not ready'
wait_until 'its client id is drained' slots_are 1 && pass 'its client id is taken over and drained'
wait_until 'the one leads' leads && pass 'the one leads'
meters_go_on 100
mend_cable database-cable
at_other wait_until 'it is ready again' server_says 200 /readyz && pass 'it comes back'
wait_until 'both serve' both_hold_one && pass 'and serves a client id'
ok 'one leads' lead_is_one

# --- cut off from the broker ---------------------------------------------------------------------------------------------------
cut_cable broker-cable cut
at_other wait_until 'it is not ready' server_says 503 /readyz && pass 'cut off from the broker, it is not ready'
meters_go_on 100
mend_cable broker-cable
at_other wait_until 'it is ready again' server_says 200 /readyz && pass 'it comes back from that too'

meters_go_on 100
stop_meters
login
all_is_there 'asked of the one'
at_other all_is_there 'asked of the other'
is 'nothing was refused' "$(ledger_sql 'SELECT count(*) FROM reject')" 0
stop_both
is 'who stops leaves no lease that lasts' "$(ledger_sql "SELECT count(*) FROM lease WHERE until_ms > 0 AND name LIKE 'fleet/%' AND name NOT LIKE 'fleet/group/%'")" 0
finish
