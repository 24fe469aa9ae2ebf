#!/usr/bin/env bash
# A PostgreSQL primary is killed under load, in the middle of issuing invoices, and its synchronous standby takes over; the
# former primary comes back by itself and is written to by nobody, also not by the one of the two servers that was stopped all the
# while, and one of them is killed; then it becomes the standby, and the next round kills the other ones. The oracles outside count:
# readings, invoices and their numbers.
# alone: what is measured by its kills is a server at work, not one that waits for a processor.
PLAIN_METERS=4 SEQ_METERS=4
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
source "$SM_ROOT/tests/postgres/cluster.sh"
source "$SM_HERE/two_servers.sh"

BILLING=$SM_FAULTS/billing.py
rounds=$(long 1 10)
accounts=150
# Ten rounds on a busy machine: what waits for a run of bills waits longer than usual.
WAIT_S=180
months=$rounds

billing() { python3 "$BILLING" "$@"; }
mapfile -t names < <(billing months "$months")

make_cluster a b
primary=a standby=b
STORE_URL=$(cluster_url a b)
on_primary() { printf 'host=127.0.0.1 port=%s user=postgres dbname=smartmeter' "${PG_PORT[$primary]}"; }

# The town that is billed. Its months are issued by hand alone until the end.
SERVER_SETTINGS+=(SMARTMETER_BILLING_DELAY=0 SMARTMETER_BILLING_JOB=0)
start_two_servers
billing people "$(on_primary)" "$accounts" "$months"
billing readings "$accounts" "$months" >"$TMP/readings.csv"
bring_in() { smartmeter import "$TMP/readings.csv" >"$TMP/log/import.log" 2>&1; }
ok 'the readings of the town are there' bring_in
start_meters --other 0 --rate 400

invoice_count() { node_sql "$primary" 'SELECT count(*) FROM smartmeter.invoice'; }

# Whether a transaction is at work in which invoices are written, or the run has ended.
is_issuing() {
  ! alive "$bill" || [[ $(node_sql "$primary" "SELECT count(*) FROM pg_stat_activity WHERE usename = 'smartmeter' AND xact_start IS NOT NULL
    AND query ~ '(INSERT INTO|UPDATE) (invoice|entry)|INTO smartmeter.commit_mark'") != 0 ]]
}

# bill_month MONTH: as an operator would: again, until it ends well.
bill_month() { until smartmeter bill --month "$1" --summary; do sleep 0.2; done; }

# refusals NAME: how often the server NAME has found a former primary. both_refuse ONE OTHER: more often than that.
refusals() { grep -c store.postgres_former_primary "$TMP/log/$1.log" || true; }
both_refuse() { (($(refusals server) > $1 && $(refusals other) > $2)); }

in_the_middle=0
for ((r = 0; r < rounds; r++)); do
  note "round $((r + 1)): $primary is killed"
  meters_go_on "$((100 + $(random_below 400)))" || break
  before=$(invoice_count)
  bill_month "${names[r]}" >>"$TMP/log/bill.log" 2>&1 &
  bill=$!
  # In the middle of its transaction, or at its end; every third time anywhere.
  if ((r % 3 < 2)); then wait_until 'invoices are being issued' is_issuing || break; fi
  pause_ms "$(random_below "$((r % 3 < 2 ? 200 : 3000))")"
  # The other server sees nothing of all that.
  kill -STOP "$(child_pid other)"
  kill_node "$primary"
  pause_ms "$(random_below 500)"
  take_over "$standby"
  killed=$primary primary=$standby standby=$killed
  issued=$(($(invoice_count) - before))
  if ((issued < accounts)); then in_the_middle=$((in_the_middle + 1)); fi
  note "$issued of $accounts invoices were issued"
  meters_go_on 300 || break
  ok "the month's run beside it comes to its end" wait "$bill"

  # Nobody fenced the former primary: it starts, and takes writes, while the new one is away for a moment.
  start_node "$killed"
  node_is "$killed" 'SELECT pg_is_in_recovery()' f || fail 'the former primary is a primary'
  kill -CONT "$(child_pid other)"
  at_other wait_until 'the other finds the new one' server_says 200 /readyz || break
  meters_go_on 100 || break
  refused=("$(refusals server)" "$(refusals other)")
  stop_node "$primary"
  wait_until 'both servers refuse the former primary' both_refuse "${refused[@]}" || break
  start_node "$primary"
  meters_go_on 100 || break
  # So does one that knows of nothing yet.
  kill_one_of_two "$((SEED + r))"
  meters_go_on 100 || break
  stop_node "$killed"
  rejoin "$standby" "$primary"
done
note "$in_the_middle of $rounds kills before all invoices were issued"
stop_meters
is 'every account has one invoice a month, and no number is missing' "$(billing check "$(on_primary)" "$accounts" "$months")" ''
audit_is_whole() { smartmeter audit verify >"$TMP/log/audit.log" 2>&1; }
ok 'the audit chain is whole' audit_is_whole
doctor_is_content() { smartmeter doctor >"$TMP/log/doctor.log" 2>&1; }
ok 'the doctor finds nothing' doctor_is_content

# What was acknowledged is on the standby too: it takes over once more, and all is there.
kill_node "$primary"
take_over "$standby"
primary=$standby
wait_until 'the server works on it' server_says 200 /readyz
login
all_is_there "$rounds primaries were killed, and the last standby has it all"
is 'and every invoice' "$(billing check "$(on_primary)" "$accounts" "$months")" ''
stop_both
end_cluster
finish
