#!/usr/bin/env bash
# deploy/nginx and deploy/caddy before the server, as they are but for ports, names and certificates: pages, logins with their cookie,
# addresses, limits, and live readings by WebSocket, all over HTTPS.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

{
  read -r NGINX_PORT
  read -r NGINX_PLAIN_PORT
  read -r CADDY_PORT
} < <(free_port 3)

# TLS for nginx: an authority and a certificate for localhost.
make_tls() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$TMP/nginx.key" -out "$TMP/nginx.crt" 2>>"$TMP/log/openssl.log"
}

start_nginx() {
  mkdir -p "$TMP/nginx"
  {
    cat <<CONF
daemon off;
pid $TMP/nginx/pid;
error_log $TMP/log/nginx.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $TMP/nginx/body;
  proxy_temp_path $TMP/nginx/proxy;
  fastcgi_temp_path $TMP/nginx/fastcgi;
  uwsgi_temp_path $TMP/nginx/uwsgi;
  scgi_temp_path $TMP/nginx/scgi;
CONF
    sed -e "s/127.0.0.1:5000/127.0.0.1:$HTTP_PORT/; s/listen 80;/listen 127.0.0.1:$NGINX_PLAIN_PORT;/; s/listen 443 /listen 127.0.0.1:$NGINX_PORT /" \
      -e '/listen \[::\]/d; s/server_name .*/server_name localhost;/' -e "s#^\( *ssl_certificate \).*#\1$TMP/nginx.crt;#" \
      -e "s#^\( *ssl_certificate_key \).*#\1$TMP/nginx.key;#" "$SM_ROOT/deploy/nginx/smartmeter.conf"
    echo '}'
  } >"$TMP/nginx/nginx.conf"
  start_child nginx "$TMP/log/nginx.log" nginx -c "$TMP/nginx/nginx.conf" -e "$TMP/log/nginx.log"
  wait_for_port "$NGINX_PORT" "$WAIT_S" "$(child_pid nginx)" || { fail 'nginx starts'; exit 1; }
}

# Its own authority in place of one of the Internet; no administration port, and nothing of this machine's is touched.
start_caddy() {
  {
    printf '{\n\tadmin off\n\tskip_install_trust\n\tlocal_certs\n\tauto_https disable_redirects\n\tstorage file_system %s\n}\n' "$TMP/caddy"
    sed -e "s/^meters.example.org/https:\/\/localhost:$CADDY_PORT/; s/127.0.0.1:5000/127.0.0.1:$HTTP_PORT/" "$SM_ROOT/deploy/caddy/Caddyfile"
  } >"$TMP/Caddyfile"
  start_child caddy "$TMP/log/caddy.log" env HOME="$TMP" caddy run --config "$TMP/Caddyfile" --adapter caddyfile
  wait_for_port "$CADDY_PORT" "$WAIT_S" "$(child_pid caddy)" || { fail 'Caddy starts'; exit 1; }
  wait_until 'Caddy makes its authority' test -s "$TMP/caddy/pki/authorities/local/root.crt"
}

# through CURL_ARGUMENT...: by the proxy under test.
through() { curl -sS --cacert "$CA" --max-time 30 "$@" 2>>"$TMP/log/curl.log"; }

try_proxy() { # NAME PORT CA
  local name=$1 port=$2 site=https://localhost:$2 body live
  CA=$3
  stop_child server
  start_server SMARTMETER_AUTO_REGISTER=1 SMARTMETER_TRUSTED_PROXIES=127.0.0.1 "SMARTMETER_PUBLIC_URL=$site" \
    SMARTMETER_ALLOWED_ORIGINS= SMARTMETER_RATE_LOGINS=1
  is "$name: ready" "$(through -o /dev/null -w '%{http_code}' "$site/readyz")" 200
  like "$name: HSTS, since people come by HTTPS" "$(through -D - -o /dev/null "$site/readyz" | tr '[:upper:]' '[:lower:]')" 'strict-transport-security'
  body=$(through -c "$TMP/$name.cookies" -H 'Content-Type: application/json' -d "$(json_object email "$ADMIN_EMAIL" password "$ADMIN_PASSWORD")" \
    "$site/api/auth/login")
  live=$(json .token "$body")
  like "$name: a login" "$live" '^ey'
  like "$name: its cookie is Secure" "$(cat "$TMP/$name.cookies")" $'#HttpOnly_localhost\tFALSE\t/api/auth\tTRUE'
  is "$name: the session goes on by it" "$(through -b "$TMP/$name.cookies" -c "$TMP/$name.cookies" -o /dev/null -w '%{http_code}' \
    -H "Origin: $site" -X POST "$site/api/auth/refresh")" 200
  is "$name: not for a page elsewhere" "$(through -b "$TMP/$name.cookies" -o /dev/null -w '%{http_code}' -H 'Origin: https://elsewhere.example' \
    -X POST "$site/api/auth/refresh")" 403
  WEBSOCKET_CA=$CA python3 "$SM_HERE/websocket.py" "$port" /api/live "{\"token\": \"$live\", \"devices\": \"*\"}" 9 5 \
    >"$TMP/$name.live" 2>"$TMP/log/$name-live.log" &
  local client=$!
  wait_until "$name: the WebSocket is open" grep -q '"ready"' "$TMP/$name.live"
  publish "meters/$name/telemetry" "$(reading "$name" "$(date -u +%FT%TZ)" 1)"
  wait_until "$name: a live reading comes through" grep -q "\"type\":\"reading\".*\"device_id\":\"$name\"" "$TMP/$name.live" &&
    pass "$name: a live reading comes through"
  wait "$client" || true
  # The limit is by address; an address that somebody writes into the header himself is not believed.
  local status='' i
  for ((i = 0; i < 60; i++)); do
    status+=" $(through -o /dev/null -w '%{http_code}' -H "X-Forwarded-For: 10.0.0.$i" -H 'Content-Type: application/json' -d '{"email":"a@example.org","password":"x"}' \
      "$site/api/auth/login")"
  done
  like "$name: a made up address does not get around the limit" "$status" 429
  ok "$name: nor is it in the log" test "$(grep -c '"address":"10.0.0' "$TMP/log/server.log")" = 0
}

make_tls || fail 'a certificate is made'
start_broker
start_server
start_nginx
try_proxy nginx "$NGINX_PORT" "$TMP/nginx.crt"
is 'nginx sends people to HTTPS' "$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:$NGINX_PLAIN_PORT/x")" '301 https://127.0.0.1/x'
start_caddy
try_proxy caddy "$CADDY_PORT" "$TMP/caddy/pki/authorities/local/root.crt"
finish
