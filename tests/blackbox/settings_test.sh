#!/usr/bin/env bash
# Settings that are wrong: `serve` tells of all of them at once, each with the way out, before it makes anything; and no secret is told.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# All kinds, of every module that has settings.
wrong=(SMARTMETER_HTTP_PORT=99999 SMARTMETER_METRICS_PORT=abc SMARTMETER_MQTT_CONNECTIONS=100
  SMARTMETER_MQTT_URL=http://user:hidden@broker SMARTMETER_RAW_RETENTION_DAYS=-3 SMARTMETER_RATE_READS=often SMARTMETER_AUTO_REGISTER=maybe
  SMARTMETER_TIMEZONE=Mars/Base SMARTMETER_CURRENCY=rupees SMARTMETER_STORE=stone SMARTMETER_DUE_DAYS=soon SMARTMETER_LATE_FEE_PERCENT=much
  SMARTMETER_UPI_ID=nobody SMARTMETER_INVOICE_LOGO=/no/logo.png SMARTMETER_ALERT_GRACE=soon SMARTMETER_SMTP_URL=ftp://mail
  SMARTMETER_WEBHOOK_ALLOW=everybody SMARTMETER_TRUSTED_PROXIES=10.0.0.0/99 SMARTMETER_PUBLIC_URL=example 'SMARTMETER_ALLOWED_ORIGINS=*'
  SMARTMETER_DASHBOARD_DIR=/no/folder 'SMARTMETER_HOME_ASSISTANT=a b' SMARTMETER_MAPPINGS=/no/mappings.json)
printf 'SMARTMETER_SETTLE_DAYS=later\nthis is no setting\n' >"$TMP/.env"
mkdir "$TMP/none"
status=0
server_command "${wrong[@]}" "SMARTMETER_DATA_DIR=$TMP/none/data"
"${SM_COMMAND[@]}" serve >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
is 'it does not start' "$status" 1
for setting in "${wrong[@]}" SMARTMETER_SETTLE_DAYS=later; do
  is "${setting%%=*} is named, once" "$(grep -c "^smartmeter: ${setting%%=*}[ :]" "$TMP/err")" 1
done
like 'so is a line of .env that is none' "$(<"$TMP/err")" '\.env, line 2 is not NAME=VALUE'
is 'no password is told' "$(grep -c hidden "$TMP/err")" 0
is 'nothing was made' "$(ls -A "$TMP/none")" ''
rm "$TMP/.env"

is 'another command tells of what it reads' "$(smartmeter user list 2>&1 | grep -c '^smartmeter: SMARTMETER_')" 0
server_command SMARTMETER_HTTP_PORT=99999 SMARTMETER_CURRENCY=rupees
is 'all of it' "$("${SM_COMMAND[@]}" user list 2>&1 | grep -c '^smartmeter: SMARTMETER_')" 2
finish
