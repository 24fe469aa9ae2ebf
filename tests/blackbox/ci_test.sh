#!/usr/bin/env bash
# The scripts of the workflows that reach out: what they send arrives at a real web server and a real mail server, and what is secret
# stays off command lines and logs. And what a release is made of.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

{ read -r WEB_PORT; read -r MAIL_PORT; } < <(free_port 2)
cat >"$TMP/receive.py" <<'PY'
# A web server that writes down what is posted, and a mail server that writes down what is sent.
import asyncore, http.server, smtpd, sys, threading, warnings
web, mail, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with open(out, "a") as file: file.write(f"POST {self.path} {body}\n")
        self.send_response(404 if "missing" in self.path else 200); self.end_headers()
    def do_GET(self): self.send_response(200); self.end_headers()
class Mail(smtpd.SMTPServer):
    def process_message(self, peer, sender, to, data, **more):
        with open(out, "a") as file: file.write(f"MAIL {sender} {to} {data.decode()}\n")
Mail(("127.0.0.1", mail), None)
threading.Thread(target=http.server.HTTPServer(("127.0.0.1", web), Web).serve_forever, daemon=True).start()
asyncore.loop()
PY
start_child receiver "$TMP/log/receiver.log" python3 -W ignore "$TMP/receive.py" "$WEB_PORT" "$MAIL_PORT" "$TMP/received"
wait_for_port "$MAIL_PORT" "$WAIT_S" "$(child_pid receiver)" || fail 'the receivers start'
wait_for_port "$WEB_PORT" "$WAIT_S" "$(child_pid receiver)" || fail 'the receivers start'
ci() { env "${@:2}" "$SM_ROOT/scripts/ci/$1" "${words[@]}" >"$TMP/out" 2>&1; }

words=(failure 'backend on main' http://ci.example/1)
ok 'a failure is told' ci notify "SLACK_WEBHOOK=http://127.0.0.1:$WEB_PORT/hook" "SMTP_URL=smtp://127.0.0.1:$MAIL_PORT" \
  MAIL_FROM=ci@example.org MAIL_TO=ops@example.org
like 'in Slack' "$(grep ^POST "$TMP/received")" '^POST /hook \{"text": "backend on main: failure http://ci.example/1"\}$'
like 'and by mail' "$(cat "$TMP/received")" $'MAIL ci@example.org \\[\'ops@example.org\'\\] From: Smartmeter CI.*Subject: backend on main: failure'
is 'no address is in its output' "$(grep -c "$WEB_PORT\|$MAIL_PORT" "$TMP/out")" 0
: >"$TMP/received"
words=(success 'backend on main')
ok 'what goes well is not told' ci notify "SLACK_WEBHOOK=http://127.0.0.1:$WEB_PORT/hook"
is 'indeed' "$(wc -c <"$TMP/received")" 0
words=('success skipped cancelled failure success' x)
ok 'of several the worst is told' ci notify "SLACK_WEBHOOK=http://127.0.0.1:$WEB_PORT/hook"
like 'which is the failure' "$(cat "$TMP/received")" 'x: failure'
: >"$TMP/received"
words=('success skipped' x)
ok 'what was not to be done is no failure' ci notify "SLACK_WEBHOOK=http://127.0.0.1:$WEB_PORT/hook"
is 'and not told' "$(wc -c <"$TMP/received")" 0
words=(failure x)
ok 'nowhere to tell is fine' ci notify SLACK_WEBHOOK=
if ci notify "SLACK_WEBHOOK=http://127.0.0.1:$WEB_PORT/missing"; then fail 'a hook that is gone is told'; else pass 'a hook that is gone is told'; fi

words=("http://127.0.0.1:$WEB_PORT/" 1)
ok 'a deployment is asked for' ci deploy-hook "DEPLOY_HOOK=http://127.0.0.1:$WEB_PORT/deploy?key=secret"
like 'once' "$(grep -c 'POST /deploy?key=secret' "$TMP/received")" '^1$'
is 'its key is not in the output' "$(grep -c secret "$TMP/out")" 0
words=()
ok 'without a hook nothing is done' ci deploy-hook DEPLOY_HOOK=
if ci deploy-hook "DEPLOY_HOOK=http://127.0.0.1:$WEB_PORT/missing"; then fail 'a refused hook is told'; else pass 'a refused hook is told'; fi

words=(dashboard "$SM_ROOT/frontend/package-lock.json")
ok 'what the dashboard is made of' ci sbom A=1
parts=$(json .packages "$(cat "$TMP/out")")
like 'React is in it' "$parts" 'pkg:npm/react@[0-9]'
is 'what only builds it is not' "$(grep -c 'pkg:npm/vite@' <<<"$parts")" 0
mkdir -p "$TMP/idf/tools/cmake" "$TMP/idf/components/mbedtls/mbedtls"
printf 'set(IDF_VERSION_MAJOR 5)\nset(IDF_VERSION_MINOR 5)\nset(IDF_VERSION_PATCH 3)\n' >"$TMP/idf/tools/cmake/version.cmake"
printf 'name: mbedtls\nversion: 3.6.5\ncpe: cpe:2.3:a:arm\n' >"$TMP/idf/components/mbedtls/mbedtls/sbom.yml"
words=(firmware "$TMP/idf")
ok 'what the firmware is made of' ci sbom A=1
like 'ESP-IDF, and what is in it' "$(tr -d '\n ' <"$TMP/out")" 'espressif/esp-idf@v5\.5\.3.*"versionInfo":"3\.6\.5"'

# A release is made by several machines.
mkdir -p "$TMP/made/release-files" "$TMP/made/release-esp32dev"
echo package >"$TMP/made/release-files/smartmeter.deb"
echo changes >"$TMP/made/release-files/CHANGES.md"
echo image >"$TMP/made/release-esp32dev/smartmeter-esp32dev.bin"
(cd "$TMP/made/release-files" && sha256sum -- * >SHA256SUMS)
(cd "$TMP/made/release-esp32dev" && sha256sum -- * >SHA256SUMS-esp32dev)
words=("$TMP/made" "$TMP/gathered")
ok 'they are put together' ci gather A=1
is 'all of them' "$(cd "$TMP/gathered" && echo *)" 'CHANGES.md SHA256SUMS smartmeter-esp32dev.bin smartmeter.deb'
ok 'with sums that are right' env -C "$TMP/gathered" sha256sum --check --strict --quiet SHA256SUMS
echo another >"$TMP/made/release-esp32dev/smartmeter-esp32dev.bin"
if ci gather A=1; then fail 'what was changed on the way is refused'; else pass 'what was changed on the way is refused'; fi
echo image >"$TMP/made/release-esp32dev/smartmeter-esp32dev.bin"
echo stray >"$TMP/made/release-esp32dev/stray"
if ci gather A=1; then fail 'what has no sum is refused'; else pass 'what has no sum is refused'; fi
words=(v0.0.0)
if ci release A=1; then fail 'a tag of another version is refused'; else pass 'a tag of another version is refused'; fi
like 'with a reason' "$(cat "$TMP/out")" 'the tag is v0.0.0, and CMakeLists.txt says'
finish
