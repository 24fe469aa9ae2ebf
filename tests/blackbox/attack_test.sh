#!/usr/bin/env bash
# Attacks on the release build as it is delivered, from outside: straight at the server, and through nginx as people put it in
# front. tests/attack/attack.py has the attacks; what the server may not do even when it is taken over stands at the end of this.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

SM_BINARY=${SM_ATTACK_BINARY:-$SM_ROOT/build/release/smartmeter}
ATTACK=$SM_HERE/../attack
export ASHA=asha@example.org RAVI=ravi@example.org RESIDENT_PASSWORD='plain horse battery staple'
NGINX_PORT=$(free_port)
export NGINX_PORT HTTP_PORT METRICS_PORT ADMIN_EMAIL ADMIN_PASSWORD

start_nginx() {
  local nginx
  nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { fail 'nginx is installed'; exit 1; }
  mkdir -p "$TMP/nginx"
  cat >"$TMP/nginx/nginx.conf" <<CONF
daemon off;
pid $TMP/nginx/pid;
error_log $TMP/log/nginx.log;
worker_processes 1;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $TMP/nginx/body;
  proxy_temp_path $TMP/nginx/proxy;
  fastcgi_temp_path $TMP/nginx/fastcgi;
  uwsgi_temp_path $TMP/nginx/uwsgi;
  scgi_temp_path $TMP/nginx/scgi;
  upstream smartmeter { server 127.0.0.1:$HTTP_PORT; keepalive 1; }
  server {
    listen 127.0.0.1:$NGINX_PORT;
    location / {
      proxy_pass http://smartmeter;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host \$http_host;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_request_buffering off;
    }
  }
}
CONF
  start_child nginx "$TMP/log/nginx.log" "$nginx" -c "$TMP/nginx/nginx.conf" -e "$TMP/log/nginx.log"
  wait_for_port "$NGINX_PORT" "$WAIT_S" "$(child_pid nginx)" || { fail 'nginx starts'; exit 1; }
}

# A program that is loaded into the server and tries to run another one when it gets a signal, as code that was brought in would.
build_probe() { gcc -O1 -shared -fPIC -pthread -o "$TMP/probe.so" "$ATTACK/probe.c" 2>"$TMP/log/probe.log"; }

make_dashboard() {
  mkdir -p "$TMP/dashboard/assets"
  printf '<!doctype html><title>the dashboard</title>' >"$TMP/dashboard/index.html"
  printf 'export {}' >"$TMP/dashboard/assets/index-abcdefgh.js"
  ln -s "$DATA/keys" "$TMP/dashboard/assets/keys"
  ln -s "$DATA/keys/pii.json" "$TMP/dashboard/assets/keys.json"
  printf 'SECRET=1' >"$TMP/dashboard/.env"
}

ok 'the probe is built' build_probe
make_dashboard
start_broker
start_server SMARTMETER_BILLING_JOB=0 SMARTMETER_TRUSTED_PROXIES=127.0.0.1 "SMARTMETER_DASHBOARD_DIR=$TMP/dashboard" \
  "LD_PRELOAD=$TMP/probe.so" "PROBE_OUT=$TMP/log/probe.out"
start_nginx
login
for owner in "$ASHA" "$RAVI"; do
  printf '%s\n' "$RESIDENT_PASSWORD" |
    smartmeter user add --email "$owner" --role consumer --password-stdin >>"$TMP/log/user.log" 2>&1 || fail "$owner is added"
done
ok 'a meter of Asha' api POST /api/devices "$(json_object device_id m-asha owner "$ASHA")"
ok 'a meter of Ravi' api POST /api/devices "$(json_object device_id m-ravi owner "$RAVI")"
for device in m-asha m-ravi; do
  publish "meters/$device/telemetry" "[$(reading $device 2025-12-31T18:20:00Z 1000), $(reading $device 2025-12-31T18:30:00Z 1000),
    $(reading $device 2026-01-31T18:30:00Z 1100), $(reading $device 2026-01-31T18:40:00Z 1100)]"
done
has_bill() { api GET "/api/billing/$1?month=2026-01" && [[ $(json .consumption_kwh) == 100 ]]; }
wait_until 'the month of Asha is stored' has_bill m-asha
wait_until 'the month of Ravi is stored' has_bill m-ravi

# Each line: ok or not ok, a name, why.
while IFS=$'\t' read -r result name why; do
  case $result in
    ok) pass "$name" ;;
    'not ok') fail "$name" "$why" ;;
    *) note "$result $name $why" ;;
  esac
done < <(python3 "$ATTACK/attack.py" 2>"$TMP/log/attack.log" || printf 'not ok\tthe attacks run to their end\t%s\n' "$(tail -n 3 "$TMP/log/attack.log" | tr '\n\t' '  ')")

# --- what is left to whoever has taken the server over ---
field() { awk -v name="$1:" '$1 == name { print $2 }' "$2"; }
pid=$(server_pid)
unfiltered=0 threads=0
for status in "/proc/$pid/task"/*/status; do
  threads=$((threads + 1))
  [[ $(field Seccomp "$status") == 2 && $(field NoNewPrivs "$status") == 1 ]] || unfiltered=$((unfiltered + 1))
done
is "all $threads threads are filtered" "$unfiltered" 0
is 'no core dump is written' "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" '0 0'
kill -USR2 "$pid"
wait_until 'the probe has tried' test -s "$TMP/log/probe.out"
is 'the running server cannot run a program, make a process, be traced or open a raw socket' "$(tr '\n' ' ' <"$TMP/log/probe.out")" \
  'execve EPERM fork EPERM ptrace EPERM socket EAFNOSUPPORT mprotect EPERM '
is 'files of the data folder are their owner'\''s alone' "$(find "$DATA" -path "$DATA/broker" -prune -o -perm /077 -type f -print)" ''
like 'root is told to stop being root' "$(cat "$TMP/log/server.log")" "$(if ((EUID == 0)); then echo runs_as_root; else echo started; fi)"

# As a user without any right, where this test may become one. The folder is the user's own, below one that all may pass.
if ((EUID == 0)); then
  home=$(mktemp -d "${TMPDIR:-/tmp}/smartmeter-nobody.XXXXXX")
  chmod 0700 "$home" && chown 65534:65534 "$home"
  { read -r nobody_http; read -r nobody_metrics; } < <(free_port 2)
  server_command "SMARTMETER_DATA_DIR=$home" "SMARTMETER_HTTP_PORT=$nobody_http" "SMARTMETER_METRICS_PORT=$nobody_metrics" \
    "SMARTMETER_MQTT_URL=mqtt://127.0.0.1:$MQTT_PORT"
  SM_COMMAND[2]=$home
  # The database's socket lies in a folder that is its server's alone, and root's.
  if on_postgres; then chgrp 65534 "$SM_TEST_POSTGRES" && chmod 0710 "$SM_TEST_POSTGRES"; fi
  start_child nobody "$TMP/log/nobody.log" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "${SM_COMMAND[@]}" serve
  ok 'as a user without rights it starts' wait_for_http "http://127.0.0.1:$nobody_http/healthz" "$WAIT_S" "$(child_pid nobody)"
  is 'and has nothing to complain of' "$(grep -cE 'runs_as_root|not_hardened|no_filter' "$TMP/log/nobody.log")" 0
  ok 'and ends as it should' end_child nobody TERM
  rm -rf -- "$home"
fi

ok 'the server is still there' api GET /readyz
is 'nothing failed inside' "$(grep -c '"event":"http.failed"' "$TMP/log/server.log")" 0
ok 'and it ends as it should' stop_server
finish
