#!/usr/bin/env bash
# People and their tokens, on a running server: passwords that are refused, links, what must be changed first, guessing that does not
# lock the owner out, forged tokens, keys that are rotated, and who is disabled beside the server is out, WebSocket included.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

ORIGIN=https://meters.example
FRESH='ten lives, two meters'
USUAL=("SMARTMETER_PUBLIC_URL=$ORIGIN/" SMARTMETER_TRUSTED_PROXIES=127.0.0.1 SMARTMETER_ALLOWED_ORIGINS=https://dash.example)

# quietly ARGUMENT...: the program, its words into a log.
quietly() { smartmeter "$@" >>"$TMP/log/cli.log"; }

# ask METHOD PATH [BODY] [CURL ARGUMENT...]: as api, and the headers in API_HEAD; without a TOKEN.
ask() {
  local method=$1 path=$2 body=${3:-} arguments
  shift $(($# < 3 ? $# : 3))
  arguments=(-sS -X "$method" -D "$TMP/head" -w '\n%{http_code}' --max-time 60 "$@")
  [[ -z $body ]] || arguments+=(-H 'Content-Type: application/json' --data-binary "$body")
  API_BODY=$(curl "${arguments[@]}" "$API$path" 2>>"$TMP/log/curl.log") || true
  API_STATUS=${API_BODY##*$'\n'} API_BODY=${API_BODY%$'\n'*}
  API_HEAD=$(tr -d '\r' <"$TMP/head")
}
cookie() { sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\);.*/\1/p' <<<"$API_HEAD"; }
log_in() { ask POST /api/auth/login "$(json_object email "$1" password "$2")" "${@:3}"; }
status_of() { ask GET "${2:-/api/me}" '' -H "Authorization: Bearer $1"; printf '%s' "$API_STATUS"; }
is_out() { [[ $(status_of "$1") == 401 ]]; }
kid_of() { python3 -c 'import base64, json, sys; h = sys.argv[1].split(".")[0]; print(json.loads(base64.urlsafe_b64decode(h + "=="))["kid"])' "$1"; }
audit_count() { ledger_sql "SELECT count(*) FROM audit WHERE action = '$1'"; }

# --- passwords: one rule ---
server_command SMARTMETER_DATA_DIR="$TMP/other" SMARTMETER_ADMIN_PASSWORD=Password2026!
if "${SM_COMMAND[@]}" serve >"$TMP/first.txt" 2>&1; then status=0; else status=$?; fi
is 'a first admin with a common password is refused' "$status" 1
like 'and told why' "$(<"$TMP/first.txt")" 'SMARTMETER_ADMIN_PASSWORD: one of the commonest'

start_broker
start_server "${USUAL[@]}"
login
for password in Password2026 p4ssw0rd1234 short asha.rao@example.org 'Asha Rao 1234'; do
  if smartmeter user add --email asha.rao@example.org --name 'Asha Rao' --role consumer --password-stdin <<<"$password" 2>>"$TMP/log/cli.log"
  then fail "the command line refuses '$password'"; else pass "the command line refuses '$password'"; fi
  api POST /api/users "$(json_object email asha.rao@example.org name 'Asha Rao' password "$password")" || true
  is "and so does the API" "$API_STATUS $(json .errors.0.field)" '422 password'
done
ok 'a good one is taken' quietly user add --email asha.rao@example.org --role consumer --password-stdin <<<"$FRESH"
log_in asha.rao@example.org "$FRESH"
is 'what the command line gives is final' "$API_STATUS $(json .user.must_change_password)" '200 false'

# --- somebody is added over the API ---
api POST /api/users '{"email": "ravi@example.org", "name": "Ravi"}'
is 'somebody is added without a password' "$API_STATUS $(json .has_password)" '201 false'
ravi=$(json .id) link=$(json .link.url)
like 'with a link of the public address' "$link" "^$ORIGIN/password#[A-Za-z0-9_-]{43}$"
log_in ravi@example.org "$FRESH"
is 'who cannot log in yet' "$API_STATUS" 401
ask POST /api/auth/redeem "$(json_object token "${link#*#}" password 'Ravi12345678')"
is 'a bad password leaves the link good' "$API_STATUS" 422
ask POST /api/auth/redeem "$(json_object token "${link#*#}" password "$FRESH")"
is 'the link sets a password' "$API_STATUS" 204
ask POST /api/auth/redeem "$(json_object token "${link#*#}" password "$FRESH, again")"
is 'once' "$API_STATUS $(json .errors.0.field)" '422 token'
log_in ravi@example.org "$FRESH"
is 'and lets in' "$API_STATUS" 200
ravi_token=$(json .token)
like 'with a cookie that scripts do not see and that comes back to us alone' "$API_HEAD" \
  'smartmeter_refresh=[A-Za-z0-9_-]{43}; Path=/api/auth; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure'
api POST "/api/users/$ravi/reset-link"
is 'a forgotten password: an admin makes a link' "$API_STATUS" 201
link=$(json .url)
ask POST /api/auth/redeem "$(json_object token "${link#*#}" password 'nine bees, one hive')"
is 'which sets another' "$API_STATUS" 204
is 'and ends what was before' "$(status_of "$ravi_token")" 401

api POST /api/users "$(json_object email temp@example.org password 'for the first day')"
is 'somebody is added with a temporary password' "$API_STATUS $(json .must_change_password)" '201 true'
log_in temp@example.org 'for the first day'
token=$(json .token)
is 'who may do nothing' "$(status_of "$token" /api/devices)" 403
ask POST /api/me/password "$(json_object current 'for the first day' new "$FRESH")" -H "Authorization: Bearer $token"
is 'but change it' "$API_STATUS" 204
is 'and then everything' "$(status_of "$token" /api/devices)" 200
ask PATCH /api/me '{"role": "admin"}' -H "Authorization: Bearer $token"
is 'but not become an admin' "$API_STATUS $(json .errors.0.field)" '422 role'
api GET "/api/users?email=$ADMIN_EMAIL"
api PATCH "/api/users/$(json .users.0.id)" '{"disabled": true}' || true
is 'the last admin stays' "$API_STATUS" 409

# --- guessing ---
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
is 'asha is let in at home' "$API_STATUS" 200
asha_cookie=$(cookie)
bodies='' statuses=''
for email in asha.rao@example.org nobody@example.org temp@example.org 'no address'; do
  log_in "$email" 'a wrong password' -H 'X-Forwarded-For: 192.0.2.9'
  bodies+="$API_BODY"$'\n' statuses+="$API_STATUS "
done
is 'a wrong login says the same whatever is wrong' "$(sort -u <<<"${bodies%$'\n'}" | wc -l) $statuses" '1 401 401 401 401 '
# Each machine guesses once, until one is told to wait; then asha herself at an address that nobody knows, unless a moment has gone by.
tries=0
hammered() {
  for ((; tries < 400; tries++)); do
    log_in asha.rao@example.org 'a wrong password' -H "X-Forwarded-For: 198.51.$((tries / 250)).$((tries % 250 + 1))"
    [[ $API_STATUS == 429 ]] || continue
    log_in asha.rao@example.org "$FRESH" -H "X-Forwarded-For: 100.64.$((tries / 250)).$((tries % 250 + 1))"
    [[ $API_STATUS != 429 ]] || return 0
  done
  return 1
}
ok 'after many machines have guessed, a stranger waits' hammered
note "$tries machines guessed"
like 'and is told how long' "$API_HEAD" $'\n[Rr]etry-[Aa]fter: [1-9]'
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
is 'asha at home does not' "$API_STATUS" 200
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie" -H 'X-Forwarded-For: 203.0.113.1'
is 'nor where she has a session' "$API_STATUS" 200
asha_cookie=$(cookie)
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 203.0.113.1'
is 'and there she may log in from then on' "$API_STATUS" 200
ok 'failed logins are in the audit log' test "$(audit_count login.failed)" -ge 50

# --- the cookie ---
for header in 'Origin: https://evil.example' 'Origin: null' 'Sec-Fetch-Site: cross-site' 'Origin: http://meters.example'; do
  ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie" -H "$header"
  is "the cookie is not taken with '$header'" "$API_STATUS" 403
done
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie" -H 'Origin: https://dash.example'
is 'a page of an allowed origin may' "$API_STATUS" 200
like 'and gets one that comes back to it' "$API_HEAD" 'SameSite=None; Secure'
second=$(cookie)
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie" -H "Origin: $ORIGIN"
is 'a second tab with the same cookie goes on' "$API_STATUS" 200
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie" -H "Origin: $ORIGIN"
is 'a third use is a thief' "$API_STATUS" 401
ask POST /api/auth/refresh '' -H "Cookie: $second" -H "Origin: $ORIGIN"
is 'and ends the session' "$API_STATUS" 401
is 'which the audit log says' "$(audit_count session.reuse)" 1

# --- forged tokens: by somebody who even has the key ---
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
token=$(json .token) asha_cookie=$(cookie)
cat >"$TMP/forge.py" <<'PY'
import base64, hashlib, hmac, json, sys, time
real, path = sys.argv[1:]
key = json.load(open(path))["keys"][-1]
secret = base64.b64decode(key["key"])
def decode(part): return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
def encode(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
header, claims = map(decode, real.split(".")[:2])
def make(h={}, c={}, k=secret, hash=hashlib.sha256, drop=()):
    head, body = {**header, **h}, {n: v for n, v in {**claims, **c}.items() if n not in drop}
    text = encode(json.dumps(head).encode()) + "." + encode(json.dumps(body).encode())
    return text + "." + encode(hmac.new(k, text.encode(), hash).digest())
now = int(time.time())
tokens = {
    "good": make(),
    "none": make({"alg": "none"}).rsplit(".", 1)[0] + ".",
    "none_signed": make({"alg": "none"}),
    "rs256_with_our_key": make({"alg": "RS256"}),
    "hs512": make({"alg": "HS512"}, hash=hashlib.sha512),
    "wrong_kid": make({"kid": "nobody"}),
    "path_kid": make({"kid": "../../keys/pii"}),
    "no_kid": make({"kid": None}),
    "another_deployment": make(k=b"0" * 32),
    "foreign_iss": make(c={"iss": "https://other.example"}),
    "foreign_aud": make(c={"aud": "other-api"}),
    "expired": make(c={"iat": now - 1000, "nbf": now - 1000, "exp": now - 100}),
    "just_expired": make(c={"iat": now - 900, "nbf": now - 900, "exp": now}),
    "future": make(c={"iat": now + 600, "nbf": now + 600, "exp": now + 1200}),
    "for_a_year": make(c={"exp": now + 31536000}),
    "no_exp": make(drop=["exp"]),
    "another_session": make(c={"sid": "f_" + "a" * 20}),
    "no_session": make(drop=["sid"]),
    "truncated": real[:-1],
    "without_signature": real.rsplit(".", 1)[0],
}
for name, token in tokens.items():
    print(name, token)
PY
while read -r name forged; do
  wanted=401
  [[ $name != good ]] || wanted=200
  is "a token that is $name" "$(status_of "$forged")" "$wanted"
done < <(python3 "$TMP/forge.py" "$token" "$DATA/keys/token-signing.json")

# --- rotation beside the server ---
before=$(kid_of "$token")
ok 'a new key is made beside the server' quietly keys rotate token
is 'a token of the old one is still good' "$(status_of "$token")" 200
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie"
is 'the session goes on' "$API_STATUS" 200
asha_cookie=$(cookie) fresh=$(json .token)
ok 'with a token of the new key' test "$(kid_of "$fresh")" != "$before"
is 'which is good' "$(status_of "$fresh")" 200
ok 'a key in other hands is replaced at once' quietly keys rotate token --at-once
ok 'what it signed has ended' wait_until 'what it signed ends' is_out "$fresh"
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie"
is 'and nobody has to log in again' "$API_STATUS" 200
token=$(json .token) asha_cookie=$(cookie)
is 'two rotations are in the audit log' "$(audit_count keys.rotate)" 2

# --- disabled beside the server ---
: >"$TMP/live.txt"
python3 "$SM_HERE/websocket.py" "$HTTP_PORT" /api/live "{\"token\": \"$token\", \"devices\": \"*\"}" 9 >>"$TMP/live.txt" &
live=$!
greeted() { grep -q ready "$TMP/live.txt"; }
wait_until 'the live connection is greeted' greeted
is 'asha is in' "$(status_of "$token")" 200
ok 'she is disabled by the command line' quietly user disable --email asha.rao@example.org
begun=$(now_ms)
ok 'her token is refused' wait_until 'the token is refused' is_out "$token"
note "refused $(($(now_ms) - begun)) ms after the command"
wait "$live" || true
note "live connection closed $(($(now_ms) - begun)) ms after the command"
like 'her live connection is closed' "$(tail -n 1 "$TMP/live.txt")" '^close 4401'
ask POST /api/auth/refresh '' -H "Cookie: $asha_cookie"
is 'her session has ended' "$API_STATUS" 401
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
is 'and she cannot log in' "$API_STATUS" 401
ok 'enabled again, she can' quietly user disable --email asha.rao@example.org --enable
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
is 'at once' "$API_STATUS" 200

# --- one's sessions ---
here=$(json .token)
log_in asha.rao@example.org "$FRESH" -H 'X-Forwarded-For: 192.0.2.1'
there=$(json .token)
ask GET /api/me/sessions '' -H "Authorization: Bearer $here"
is 'two sessions' "$API_STATUS $(json .sessions.#)" '200 2'
ask POST /api/me/password "$(json_object current "$FRESH" new 'nine bees, one hive')" -H "Authorization: Bearer $here"
is 'a new password' "$API_STATUS" 204
is 'ends the other one' "$(status_of "$there")" 401
is 'and not this one' "$(status_of "$here")" 200
ok 'the audit log is whole' quietly audit verify
finish
