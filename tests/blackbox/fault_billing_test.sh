#!/usr/bin/env bash
# The month's run is killed at random moments, by hand (`bill`) and in the server (its daily job); then several run at once. An
# oracle outside counts in the ledger itself: one invoice an account and month, numbers without a gap.
source "$(dirname -- "${BASH_SOURCE[0]}")/faults.sh"
if on_mongodb; then needs_files "its oracle counts in SQL"; fi

BILLING=$SM_FAULTS/billing.py
# Where billing.py finds it.
ledger=$DATA
if on_postgres; then ledger=$(store_url "$DATA"); fi
kills=$(long 8 200)
accounts=$(long 1000 15000)
months=12

billing() { python3 "$BILLING" "$@"; }
mapfile -t names < <(billing months "$months")

# The town.
printf '%s' "$ADMIN_PASSWORD" | smartmeter user add --email "$ADMIN_EMAIL" --role admin --password-stdin >/dev/null
billing people "$ledger" "$accounts" "$months"
billing readings "$accounts" "$months" >"$TMP/readings.csv"
bring_in() { smartmeter import "$TMP/readings.csv" >"$TMP/log/import.log" 2>&1; }
ok 'the readings are there' bring_in
rm -f -- "$TMP/readings.csv"
SERVER_SETTINGS+=(SMARTMETER_BILLING_DELAY=0)
start_broker

# bill_all: every month after the other, as a person would.
bill_all() {
  local month
  for month in "${names[@]}"; do smartmeter bill --month "$month" --summary || return 1; done
}

# The run dies after some invoices, and before all are there; every second time it is the server's. One that came to its end
# before it was killed does not count.
server_command
killed=0 in_the_middle=0 lives=0
while ((killed < kills && lives < 3 * kills)); do
  before=$(billing count "$ledger")
  left=$((accounts * months - before))
  ((left > 0)) || break
  lives=$((lives + 1))
  if ((lives % 2 == 0)); then
    "${SM_COMMAND[@]}" bill --month "${names[before / accounts]}" --summary >>"$TMP/log/bill.log" 2>&1 &
    pid=$!
  else
    launch_again
    pid=$(server_pid)
  fi
  # No more than are left to all kills to come.
  issued=$(billing kill "$ledger" "$((SEED + lives))" "$pid" "$((left / (kills - killed) / 2 + 1))")
  status=0
  if ((lives % 2 == 0)); then wait "$pid" 2>/dev/null || status=$?; else forget_child server 2>/dev/null || status=$?; fi
  ((status == 137)) || continue
  killed=$((killed + 1))
  if ((issued > 0 && issued < left)); then in_the_middle=$((in_the_middle + 1)); fi
done
note "$killed kills, $in_the_middle of them with some invoices issued and some not; $(billing count "$ledger") of $((accounts * months)) are there"
is 'there was something left to issue all the time' "$killed" "$kills"
ok 'half of the kills or more came in the middle' test $((in_the_middle * 2)) -ge "$kills"

# Two by hand, and the server's own job, all at once, for what is left.
start_again
bill_all >"$TMP/log/bill-1.log" 2>&1 &
one=$!
bill_all >"$TMP/log/bill-2.log" 2>&1 &
two=$!
ok 'a run beside another ends well' wait "$one"
ok 'and so does the other' wait "$two"
all_issued() { (($(billing count "$ledger") == accounts * months)); }
wait_until 'all invoices are there' all_issued
job_has_run() { (($(metric smartmeter_billing_runs_total) >= 1)); }
wait_until "the server's job comes to its end" job_has_run
is 'the job met no error' "$(metric smartmeter_billing_failures_total)" 0
kill -TERM "$(server_pid)"
forget_child server || fail 'the server ends well'

is 'every account has one invoice a month, and no number is missing' "$(billing check "$ledger" "$accounts" "$months")" ''
audit_is_whole() { smartmeter audit verify >"$TMP/log/audit.log" 2>&1; }
ok 'the audit chain is whole' audit_is_whole
doctor_is_content() { smartmeter doctor >"$TMP/log/doctor.log" 2>&1; }
ok 'the doctor finds nothing' doctor_is_content
finish
