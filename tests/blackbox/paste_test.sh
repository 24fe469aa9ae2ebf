#!/usr/bin/env bash
# Every command that stands within the text of docs/operations.md, beside a running server, as tests/blackbox/paste.txt says; none is left
# out. What stands there in blocks of its own is run by runbook_test.sh.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

TABLE=$SM_HERE/paste.txt

# commands: what looks like one, in code within the text, a line each.
commands() {
  python3 - "$SM_ROOT/docs/operations.md" <<'PYTHON'
import re, sys
verbs = {"account", "audit", "backup", "bill", "device", "dispute", "exception", "export", "import", "invoice", "key", "keys", "payment",
         "person", "reading", "restore", "tariff", "user", "utility"}
text = re.sub(r"^```.*?^```", "", open(sys.argv[1], encoding="utf-8").read(), flags=re.S | re.M)
told = set()
for span in re.findall(r"`([^`]+)`", text):
    span = " ".join(span.split())
    words = span.split()
    first = re.sub(r"^SMARTMETER_DATA_DIR=\S+ ", "", span).split()[0]
    program = first in ("smartmeter", "./run", "build/release/smartmeter", "bench/run", "scripts/restore-drill") or \
        first in ("curl", "dmesg", "journalctl", "systemctl") and len(words) > 1
    verb = words[0] in verbs and len(words) > 1
    further = words[0] == "…" and re.match(r"--|smartmeter", words[1])
    if (program or verb or further) and span not in told:
        told.add(span)
        print(span)
PYTHON
}
is 'every command of the text has its line in paste.txt' "$(commands | grep -vxFf <(grep -v '^#' "$TABLE" | cut -f1))" ''
is 'and none is in it that the text does not have' "$(grep -v '^#' "$TABLE" | cut -f1 | grep -vxFf <(commands))" ''

# Four flats. Three fall silent on the 20th of January, and what they measured comes late.
printf '%s\n' SMARTMETER_BILLING_JOB=0 SMARTMETER_DUE_DAYS=0 SMARTMETER_LATE_FEE_PERCENT=2 "SMARTMETER_MQTTS_PORT=$MQTTS_PORT" >"$TMP/.env"
start_broker
start_server
login
for device in f101 f102 f103 f104; do api POST /api/devices "$(json_object device_id "$device")" || fail "$device is added" "$API_BODY"; done
printf 'plain horse battery staple' | smartmeter user add --email asha@example.org --name 'Asha Rao' --role consumer --password-stdin \
  >"$TMP/log/user.log" 2>&1
cat >"$TMP/accounts.csv" <<'CSV'
account,person,place,email,from,device
101,Ravi Iyer,Flat 101,,2026-01-01,f101
102,Meena,Flat 102,,2026-01-01,f102
103,Om,Flat 103,,2026-01-01,f103
104,Asha Rao,Flat 104,asha@example.org,2026-01-01,f104
CSV
printf 'account,amount,received,reference\n104,100.00,2026-02-12,UTR 3\n' >"$TMP/payments.csv"
tariff='{"name": "Shops", "effective_from": "2026-01-01", "slabs": [{"up_to_kwh": null, "rate": "5.00"}], "fixed_charge": "10.00", "taxes": []}'
printf '%s' "$tariff" >"$TMP/draft.json"
printf '%s' "${tariff/Shops/LT-1 Domestic}" >"$TMP/rebill.json"
printf 'correct horse battery staple' >"$TMP/passphrase"
python3 - >"$TMP/readings.csv" <<'PYTHON'
import datetime
zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
print("device_id,timestamp,voltage,current,power_w,energy_kwh")
for device in ("f101", "f102", "f103", "f104"):
    for hour in range(0, (31 if device == "f104" else 20) * 24 + 2):
        at = datetime.datetime(2026, 1, 1, tzinfo=zone) + datetime.timedelta(hours=hour - 1)
        print(f"{device},{at.isoformat()},230,1,230,{1000 + hour * 0.5:.3f}")
PYTHON
# What the table's commands use besides.
invoice_of() { api GET "/api/invoices/$1" && json .invoices.0.number; }
entry_of() { smartmeter payment list --account 101 --json | python3 -c 'import json, sys
print(next(one["no"] for one in json.load(sys.stdin)["entries"] if one.get("reference") == sys.argv[1]))' "$1"; }
exception_of() { api GET '/api/exceptions?state=open' && json "$API_BODY" >/dev/null; printf '%s' "$API_BODY" | python3 -c 'import json, sys
print(next(one["no"] for one in json.load(sys.stdin)["exceptions"] if sys.argv[1] in json.dumps(one)))' "$1"; }
late_readings() {
  local device
  for device in f101 f102 f103; do
    publish "meters/$device/telemetry" "$(reading "$device" 2026-02-01T00:00:00+05:30 1900)" || return 1
    publish "meters/$device/telemetry" "$(reading "$device" 2026-02-01T00:10:00+05:30 1900)" || return 1
  done
  wait_until 'late readings are stored' api_has GET '/api/devices/f103/readings?from=2026-01-31T18:35:00Z&to=2026-02-02T00:00:00Z' 1900
}
disputed() {
  local number admin=$TOKEN
  number=$(invoice_of f104)
  login asha@example.org 'plain horse battery staple' && api POST "/api/invoices/f104/$number/dispute" '{"text": "The lift is on my meter"}'
  local status=$?
  TOKEN=$admin
  return "$status"
}
# elsewhere COMMAND...: on a folder of its own.
elsewhere() { (DATA=$TMP/elsewhere && "$@"); }

cd "$TMP"
while IFS=$'\t' read -r words kind what more; do
  if [[ $kind == files ]]; then
    kind=run
    if on_server; then skip "$words" 'a database server makes its own backups: docs/postgresql.md, postgres_test.sh'; continue; fi
  fi
  case $kind in
    run)
      status=0
      (set +e; eval "$what") >"$TMP/out" 2>&1 </dev/null || status=$?
      if ((status == 0)); then pass "$words"; else fail "$words" "$what" "exit status $status" "$(tail -n 5 "$TMP/out")"; fi
      ;;
    test) ok "$words (by $what)" grep -qF -- "$more" "$SM_HERE/$what" ;;
    not) pass "$words is not run: $what" ;;
    *) fail "$words: $kind is not known" ;;
  esac
done < <(grep -v '^#' "$TABLE")
finish
