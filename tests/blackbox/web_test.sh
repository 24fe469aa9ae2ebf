#!/usr/bin/env bash
# What curl and browsers see of the HTTP side: codings, conditional requests, other origins, and settings that are refused at the start.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

PAGE=https://dashboard.example

# refuses VALUE REGEX: with these origins the server does not start, and says why.
refuses() {
  local said status=0
  server_command "SMARTMETER_ALLOWED_ORIGINS=$1"
  said=$(timeout 60 "${SM_COMMAND[@]}" serve 2>&1) || status=$?
  [[ $status == 1 && $said == *SMARTMETER_ALLOWED_ORIGINS* && $said =~ $2 ]] || { note "$status: $said"; return 1; }
}
# fetch PATH [CURL_OPTION...]: headers in HEAD, body in $TMP/body.
fetch() {
  : >"$TMP/body"
  HEAD=$(curl -sS -D - -o "$TMP/body" -H "Authorization: Bearer $TOKEN" "${@:2}" "$API$1" | tr -d '\r')
}
# header NAME: of the last fetch.
header() { sed -n "s/^$1: //Ip" <<<"$HEAD"; }
status() { sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' <<<"$HEAD"; }

start_broker
ok 'a wildcard is refused' refuses '*' 'wildcards'
ok 'a path is refused' refuses "$PAGE/app" 'leave out what follows'
ok 'a name without its scheme is refused' refuses dashboard.example 'begin with https://'
start_server "SMARTMETER_ALLOWED_ORIGINS=https://other.example, $PAGE" SMARTMETER_AUTO_REGISTER=1
login
readings_a_second m1 2026-01-29 3000 | publish_lines meters/m1/telemetry
week='/api/devices/m1/readings?from=2026-01-29T00:00:00Z&to=2026-01-30T00:00:00Z'
has_all() { api GET "$week" && [[ $(json .readings.#) == 3000 ]]; }
wait_until 'the readings are stored' has_all

# --- codings ---
fetch "$week"
cp "$TMP/body" "$TMP/plain"
size=$(stat -c %s "$TMP/plain")
is 'without Accept-Encoding it comes as it is' "$(header Content-Encoding)$(header Vary)" 'Accept-Encoding, Origin'
for coding in gzip br; do
  fetch "$week" -H "Accept-Encoding: $coding"
  is "it comes in $coding" "$(header Content-Encoding)" "$coding"
  ok "$coding is a fifth of it at most" test "$(stat -c %s "$TMP/body")" -lt $((size / 5))
  fetch "$week" -H "Accept-Encoding: $coding;q=0, identity"
  is "and not where $coding is refused" "$(header Content-Encoding)" ''
done
fetch "$week" --compressed
ok 'curl reads the same of it' cmp "$TMP/plain" "$TMP/body"

# --- asked for again ---
fetch /api/tariffs
tag=$(header ETag)
fetch /api/tariffs -H "If-None-Match: $tag"
is 'what has not changed is not sent again' "$(status) $(header ETag) $(stat -c %s "$TMP/body")" "304 $tag 0"
TOKEN=x fetch /api/tariffs -H "If-None-Match: $tag"
is 'nor confirmed to a stranger' "$(status)" 401
ok 'a tariff is added' api POST /api/tariffs '{"name": "New", "effective_from": "2027-01-01", "slabs": [{"up_to_kwh": null, "rate": "1.00"}],
  "fixed_charge": "0.00"}'
fetch /api/tariffs -H "If-None-Match: $tag"
is 'what has changed is' "$(status)" 200

# --- pages of other origins ---
fetch /api/site -H "Origin: $PAGE"
is 'a named page may read' "$(header Access-Control-Allow-Origin) $(header Access-Control-Allow-Credentials)" "$PAGE true"
fetch /api/site -H 'Origin: https://evil.example'
is 'another one may not' "$(header Access-Control-Allow-Origin)" ''
fetch /api/devices -X OPTIONS -H "Origin: $PAGE" -H 'Access-Control-Request-Method: POST' -H 'Authorization:'
is 'its preflight needs no token' "$(status) $(header Access-Control-Allow-Methods)" '204 GET, HEAD, POST, OPTIONS'
finish
