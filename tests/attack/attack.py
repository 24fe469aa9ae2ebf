#!/usr/bin/env python3
"""Attacks on a running server, of tests/blackbox/attack_test.sh, which tells by the environment where it is and who is there. Prints
a line for each: "ok" or "not ok", a tab, its name, and, of one that went through, a tab and what came of it."""
import base64
import json
import os
import secrets
import socket
import struct
import sys
import threading

DIRECT = int(os.environ["HTTP_PORT"])
NGINX = int(os.environ["NGINX_PORT"])
METRICS = int(os.environ["METRICS_PORT"])
ADMIN = (os.environ["ADMIN_EMAIL"], os.environ["ADMIN_PASSWORD"])
ASHA = (os.environ["ASHA"], os.environ["RESIDENT_PASSWORD"])
RAVI = (os.environ["RAVI"], os.environ["RESIDENT_PASSWORD"])
SILENCE_S = 20  # how long a server may be silent before we take it that it waits for more
SAFE_HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy",
                "cross-origin-opener-policy", "cross-origin-resource-policy", "x-frame-options")


# --- telling ---

def tell(name, good, why=""):
    why = " ".join(str(why).split())[:300]
    print(f"{'ok' if good else 'not ok'}\t{name}\t{why}", flush=True)


def all_are(name, troubles):
    troubles = list(troubles)
    tell(name, not troubles, "; ".join(troubles[:4]))


# --- bytes ---

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.body[:120]!r}"


def read_answer(stream, head_only=False):
    """The next answer of a buffered stream; None when the server has closed."""
    line = stream.readline(65536)
    if not line:
        return None
    status = int(line.split()[1])
    headers = []
    while True:
        line = stream.readline(65536).rstrip(b"\r\n")
        if not line:
            break
        key, _, value = line.decode("latin-1").partition(":")
        headers.append((key.strip().lower(), value.strip()))
    table = dict(headers)
    if status == 100:
        return read_answer(stream, head_only)
    if head_only or status in (101, 204, 304):
        return Answer(status, headers, b"")
    if table.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            body += stream.read(size)
            stream.readline()
            if size == 0:
                return Answer(status, headers, body)
    if "content-length" in table:
        return Answer(status, headers, stream.read(int(table["content-length"])))
    return Answer(status, headers, stream.read())


def raw(port, data, most=20):
    """Sends bytes on a connection of their own; all answers until the server closes or waits for more."""
    answers = []
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S) as connection:
            connection.sendall(data)
            stream = connection.makefile("rb")
            while len(answers) < most:
                answer = read_answer(stream)
                if answer is None:
                    break
                answers.append(answer)
                if dict(answer.headers).get("connection", "").lower() == "close":
                    break
    except (OSError, ValueError, IndexError):
        pass  # reset, or silence
    return answers


def ask(method, target, token=None, body=None, port=DIRECT, headers=()):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if data is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    text = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + (data or b"")
    answers = raw(port, text, 1)
    return answers[0] if answers else Answer(0, [], b"")


def log_in(who):
    return ask("POST", "/api/auth/login", body={"email": who[0], "password": who[1]}).json()["token"]


# --- what must never come out ---

SECRETS = (b"root:x:0", b"PRIVATE KEY", b'"keys"', b'"key"', b"SECRET=1", b"SQLite format")


def leaks(answer):
    return any(secret in answer.body for secret in SECRETS)


def traversal(tokens):
    up = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "..%00", "....", "%c0%ae%c0%ae", "%u002e%u002e", "..%5c..", "..\\.."]
    slash = ["/", "%2f", "%252f", "%5c", "\\", "//", "%2f%2f", "/./", "%c0%af"]
    goals = ["etc/passwd", "data/keys/pii.json", "data/ledger.db", "data/broker/server.password"]
    targets = [f"/{(u + s) * n}{g}" for u in up for s in slash for g in goals for n in (1, 2, 6)]
    targets += [f"/assets/{(u + s) * n}{g}" for u in up for s in slash for g in goals for n in (2,)]
    targets += ["/.env", "/assets/.env", "/%2eenv", "/assets/keys/pii.json", "/assets/keys.json", "/index.html%00.js", "//etc/passwd",
                "/assets//../../data/keys/pii.json", "/\\..\\..\\etc\\passwd", "file:///etc/passwd", "http://localhost/../data/keys/pii.json",
                "/api/../data/keys/pii.json", "/proc/self/environ", "/%2fproc%2fself%2fenviron", "/C:%5cWindows%5cwin.ini"]
    bad = []
    for target in targets:
        answer = ask("GET", target)
        page = answer.status == 200 and b"<title>the dashboard" in answer.body
        if leaks(answer) or not (page or answer.status in (400, 404, 405)):
            bad.append(f"{target}: {answer}")
    all_are(f"{len(targets)} ways out of the dashboard's folder lead nowhere", bad)
    bad = []
    for port in (DIRECT, NGINX):
        for name in ("..%2f..%2fkeys%2fpii.json", "..%5c..%5ckeys", "%2e%2e", "m-asha%00", "m-asha%2f..%2fm-ravi", "m%2fasha", "%ff", "m-asha%0a",
                     "-" * 65, "m-asha;x", "m-asha.", "*", "%2a"):
            for route in ("/api/devices/{}/readings", "/api/billing/{}?month=2026-01", "/api/billing/{}/explain?month=2026-01",
                          "/api/invoices/{}", "/api/invoices/{}/SM1.pdf", "/api/invoices/m-asha/{}.pdf", "/api/invoices/m-asha/{}",
                          "/api/accounts/{}", "/api/accounts/{}/entries", "/api/disputes/{}", "/api/devices/{}/edits"):
                for who in ("asha", "admin"):
                    answer = ask("GET", route.format(name), tokens[who], port=port)
                    if answer.status not in (400, 404) or leaks(answer):
                        bad.append(f"{who} {route.format(name)}: {answer}")
    all_are("ids that are paths are ids of nothing", bad)


# --- headers ---

def headers(tokens):
    breaks = ["%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%0dX-Injected:%20yes", "%e5%98%8d%e5%98%8aX-Injected:%20yes", "\rX-Injected: yes"]
    bad = []
    for code in breaks:
        for target in (f"/{code}", f"/api/site?a={code}", f"/api/billing/m-asha?month=2026-01{code}", f"/api/invoices.zip?month=2026-01{code}",
                       f"/api/invoices/m-asha/SM{code}.pdf", f"/api/devices?cursor={code}", f"/assets/{code}.js"):
            for port in (DIRECT, NGINX):
                answer = ask("GET", target, tokens["admin"], port=port)
                if any(key == "x-injected" for key, _ in answer.headers) or answer.status >= 500:
                    bad.append(f"{target!r}: {answer.status} {answer.headers}")
    all_are("line breaks in paths and queries make no headers", bad)
    bad = []
    for host in ('a"; script-src *', "a; script-src *", "a, b", "evil.example/..", "evil.example\t", "x" * 300, "[::1", "a b"):
        answers = raw(DIRECT, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), 1)
        policy = dict(answers[0].headers).get("content-security-policy", "") if answers else ""
        if "script-src *" in policy or "evil.example/" in policy or "a b" in policy:
            bad.append(policy)
    all_are("a Host that is no host gets into no policy", bad)
    bad = []
    cases = [("GET", "/", None), ("GET", "/assets/index-abcdefgh.js", None), ("GET", "/none.js", None), ("GET", "/api/none", None),
             ("GET", "/api/devices", None), ("GET", "/api/devices", tokens["asha"]), ("GET", "/api/rejects", tokens["asha"]),
             ("DELETE", "/api/devices", tokens["asha"]), ("POST", "/api/auth/login", None), ("GET", "/api/site?a=%", None), ("GET", "/healthz", None),
             ("GET", "/api/live", None), ("GET", "/api/openapi.json", None), ("POST", "/api/auth/refresh", None)]
    for method, target, token in cases:
        answer = ask(method, target, token)
        table = dict(answer.headers)
        for name in SAFE_HEADERS:
            if name not in table:
                bad.append(f"{method} {target} {answer.status}: no {name}")
        if "unsafe-inline" in table.get("content-security-policy", "") or "server" in table or "x-powered-by" in table:
            bad.append(f"{method} {target}: {table}")
    all_are("every answer says what browsers may do with it", bad)
    tell("nothing but its own listener gives out metrics", ask("GET", "/metrics").status == 404)


# --- where a request ends ---

CHUNK = b"2\r\n{}\r\n0\r\n\r\n"


def smuggling():
    hidden = b"GET /api/site HTTP/1.1\r\nHost: hidden\r\nX-Rest: "

    def post(lines, body, version="1.1"):
        return ("POST /api/auth/login HTTP/%s\r\nHost: localhost\r\nContent-Type: application/json\r\n" % version).encode() + lines + b"\r\n" + body

    both = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n"
    cases = {
        "CL.TE": post(both % (len(hidden) + 5), b"0\r\n\r\n" + hidden),
        "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"%x\r\n" % len(hidden) + hidden + b"\r\n0\r\n\r\n"),
        "two lengths": post(b"Content-Length: 2\r\nContent-Length: %d\r\n" % (len(hidden) + 2), b"{}" + hidden),
        "two equal lengths": post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}" + hidden),
        "a list of lengths": post(b"Content-Length: 2, 40\r\n", b"{}" + hidden),
        "a signed length": post(b"Content-Length: +2\r\n", b"{}" + hidden),
        "a negative length": post(b"Content-Length: -2\r\n", b"{}" + hidden),
        "a length in hex": post(b"Content-Length: 0x2\r\n", b"{}" + hidden),
        "a length beyond 64 bits": post(b"Content-Length: 18446744073709551618\r\n", b"{}" + hidden),
        "a blank before the colon": post(b"Content-Length : 2\r\nTransfer-Encoding : chunked\r\n", CHUNK + hidden),
        "a folded encoding": post(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n", CHUNK + hidden),
        "a folded length": post(b"Content-Length:\r\n 2\r\n", b"{}" + hidden),
        "an unknown encoding": post(b"Transfer-Encoding: xchunked\r\n", CHUNK + hidden),
        "two encodings": post(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", CHUNK + hidden),
        "an encoding with a tab": post(b"Transfer-Encoding:\tchunked\r\nContent-Length: 2\r\n", CHUNK + hidden),
        "an encoding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 2\r\n", CHUNK + hidden),
        "a chunk of negative size": post(b"Transfer-Encoding: chunked\r\n", b"-2\r\n{}\r\n0\r\n\r\n" + hidden),
        "a chunk of endless size": post(b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n" + hidden),
        "a chunk without its end": post(b"Transfer-Encoding: chunked\r\n", b"2\r\n{}X\r\n0\r\n\r\n" + hidden),
        "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", CHUNK + hidden, "1.0"),
        "a body of a GET": b"GET /api/site HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
        "a NUL in a header": post(b"X-A: a\0b\r\nContent-Length: 2\r\n", b"{}" + hidden),
        "a bare CR": post(b"X-A: a\rContent-Length: 2\r\n", b"{}" + hidden),
        "a header without a name": post(b": a\r\nContent-Length: 2\r\n", b"{}" + hidden),
        "a header without a colon": post(b"Content-Length\r\nContent-Length: 2\r\n", b"{}" + hidden),
        "an upgrade to h2c": b"GET /api/site HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
        "an upgrade that is none": b"GET /api/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\n"
                                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    }
    # What follows the hidden request's beginning: were it taken for one, its answer would be a second 200 with the site's zone.
    after = b"\r\nConnection: close\r\n\r\n"
    for name, data in cases.items():
        bad = []
        for port in (DIRECT, NGINX):
            answers = raw(port, data + after, 3)
            own = 1 if data.startswith(b"GET /api/site") else 0
            got_hidden = sum(b"Asia/Kolkata" in a.body for a in answers) - own
            # A body that both sides see the same end of may be followed by a request; it is the client's own then.
            honest = name in ("an upgrade that is none", "an upgrade to h2c", "a folded length", "a list of lengths") or \
                (port == DIRECT and name in ("chunks in HTTP/1.0", "a NUL in a header"))
            if got_hidden > 0 and not honest:
                bad.append(f"port {port}: {[str(a) for a in answers]}")
            if any(a.status >= 500 and a.status not in (501, 503, 505) for a in answers):
                bad.append(f"port {port}: {[str(a) for a in answers]}")
            # The next ones on nginx's kept connection to the server must get their own answers.
            for _ in range(3):
                alive = ask("GET", "/healthz", port=port)
                if alive.status != 200 or alive.body != b'{"status":"ok"}':
                    bad.append(f"port {port}: somebody else's answer: {alive}")
        all_are(f"smuggling: {name}", bad)
    good = post(b"Transfer-Encoding: chunked\r\nConnection: close\r\n", b"1;a=b;c\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n")
    statuses = [a.status for port in (DIRECT, NGINX) for a in raw(port, good, 1)]
    tell("chunk extensions and trailers are what they are: nothing", statuses == [422, 422], statuses)
    lines = b"GET /api/site HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    statuses = [a.status for port in (DIRECT, NGINX) for a in raw(port, lines, 1)]
    tell("bare line feeds end lines for both, or for none", statuses in ([200, 200], [400, 400], [400, 200]), statuses)
    kept = raw(DIRECT, b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n", 3)
    tell("HTTP/1.0 that wants to stay gets an answer to each", 1 <= len(kept) <= 2 and all(a.status == 200 for a in kept), [str(a) for a in kept])
    absolute = ask("GET", "http://evil.example/api/devices")
    tell("a target with a host of its own is nobody's", absolute.status in (400, 401, 404), absolute)


# --- ids and bodies ---

def injections(tokens):
    words = ["m-asha'--", "m-asha' OR '1'='1", "1 OR 1=1", "'; DROP TABLE devices;--", "m-asha\" OR \"\"=\"", "m-asha) UNION SELECT 1,2,3--", "0x6d",
             "%25", "_", "m_asha", "{\"$ne\":null}", "[]", "null", "true", "${7*7}", "{{7*7}}", "$(id)", "`id`", "|id", "<script>alert(1)</script>"]
    quote = lambda text: "".join(f"%{b:02x}" for b in text.encode())
    bad = []
    for word in words:
        for route in ("/api/devices/{}/readings", "/api/billing/{}?month=2026-01", "/api/invoices/{}", "/api/accounts/{}", "/api/accounts/{}/entries",
                      "/api/invoices/m-asha/{}", "/api/disputes/{}", "/api/utility-bills/{}"):
            answer = ask("GET", route.format(quote(word)), tokens["admin"])
            if answer.status not in (400, 404) and not (route.endswith("2026-01") and answer.status == 404):
                bad.append(f"{route.format(word)}: {answer}")
        for query in ("/api/devices?cursor={}", "/api/devices?limit={}", "/api/accounts?cursor={}", "/api/rejects?cursor={}", "/api/billing/m-asha?month={}",
                      "/api/devices/m-asha/readings?agg={}", "/api/devices/m-asha/readings?from={}", "/api/disputes?state={}", "/api/exceptions?state={}",
                      "/api/invoices.zip?month={}", "/api/statements?place={}"):
            answer = ask("GET", query.format(quote(word)), tokens["admin"])
            if answer.status not in (200, 400, 404, 422) or leaks(answer) or (answer.status == 200 and b"m-ravi" in answer.body and "limit" not in query):
                bad.append(f"{query.format(word)}: {answer}")
    all_are("ids and parameters that are SQL, JSON, templates or commands are only wrong ones", bad)
    bad = []
    for value in ({"$gt": ""}, {"$ne": None}, ["m-asha"], True, 1, None, "", {"a": {"b": 1}}):
        for method, target, body in (("POST", "/api/devices", {"device_id": value}), ("POST", "/api/auth/login", {"email": value, "password": value}),
                                     ("POST", "/api/invoices/m-asha", {"month": value}), ("POST", "/api/tariffs", {"name": value}),
                                     ("POST", "/api/accounts", {"person": value, "from": value, "meters": value}),
                                     ("POST", "/api/utility-bills", {"name": value}), ("POST", "/api/devices/m-asha/edits", {"kind": value, "at": value})):
            answer = ask(method, target, tokens["admin"] if "login" not in target else None, body)
            if answer.status not in (400, 401, 409, 422):
                bad.append(f"{target} {body}: {answer}")
    all_are("members of another type are refused", bad)


def mass_assignment(tokens, account):
    bad = []
    login = ask("POST", "/api/auth/login", body={"email": ASHA[0], "password": ASHA[1], "role": "admin", "user": {"role": "admin"}})
    if login.json()["user"]["role"] != "consumer" or ask("GET", "/api/rejects", login.json()["token"]).status != 403:
        bad.append(f"login: {login}")
    for method, target, body in (("PATCH", f"/api/accounts/{account}", {"role": "admin", "owner": RAVI[0], "balance": "-1000"}),
                                 ("POST", "/api/devices", {"device_id": "m-own", "owner": ASHA[0]}), ("POST", "/api/tariffs", {}),
                                 ("POST", f"/api/accounts/{account}/payments", {"amount": "1000.00"}), ("POST", "/api/invoices/m-asha", {"month": "2026-01"}),
                                 ("POST", "/api/accounts", {"person": "x"}), ("POST", "/api/devices/m-asha/edits", {})):
        answer = ask(method, target, tokens["asha"], body)
        if answer.status != 403:
            bad.append(f"{method} {target}: {answer}")
    before = ask("GET", f"/api/accounts/{account}/entries", tokens["admin"]).body
    answer = ask("PATCH", f"/api/accounts/{account}", tokens["admin"],
                 {"account_id": "a_other", "balance": "-1000.00", "entries": [], "invoices": [], "role": "admin", "user_id": "u_x", "billed_to": "2020-01"})
    after = ask("GET", f"/api/accounts/{account}/entries", tokens["admin"]).body
    if before != after or (answer.status == 200 and answer.json().get("account_id") != account) or answer.status not in (200, 422):
        bad.append(f"PATCH by an admin: {answer}")
    device = ask("POST", "/api/devices", tokens["admin"], {"device_id": "m-mass", "status": "online", "last_seen": "2020-01-01T00:00:00Z", "role": "admin",
                                                           "credentials": {"mqtt": {"username": "smartmeter-server", "password": "x"}}})
    mqtt = (device.json().get("credentials") or {}).get("mqtt", {}) if device.status == 201 else {}
    if device.status not in (201, 422) or mqtt.get("username", "m-mass") != "m-mass" or mqtt.get("password") == "x":
        bad.append(f"POST /api/devices: {device}")
    all_are("members that are not a caller's to set change nothing", bad)


def bodies(tokens):
    admin = tokens["admin"]
    huge = b"9" * 5000
    deep = b"[" * 50000 + b"]" * 50000
    cases = {
        "a member twice": b'{"device_id": "m-x1", "device_id": "m-asha"}',
        "a member twice, once escaped": b'{"device_id": "m-x1", "device\\u005fid": "m-asha"}',
        "depth": b'{"device_id": "m-x2", "name": ' + deep + b"}",
        "depth without an end": b'{"a":' * 40000,
        "NaN": b'{"device_id": "m-x3", "name": NaN}',
        "Infinity": b'{"device_id": "m-x3", "name": -Infinity}',
        "a number of 5000 digits": b'{"device_id": "m-x4", "name": ' + huge + b"}",
        "1e999": b'{"device_id": "m-x5", "name": 1e999}',
        "bad UTF-8": b'{"device_id": "m-x6", "name": "\xff\xfe"}',
        "an overlong slash": b'{"device_id": "m-x6", "name": "\xc0\xaf"}',
        "half a surrogate": b'{"device_id": "m-x6", "name": "\\ud800"}',
        "a NUL in a text": b'{"device_id": "m-x7", "name": "a\\u0000b"}',
        "a NUL in a name": b'{"device_id": "m-x7", "na\\u0000me": "a"}',
        "a NUL byte": b'{"device_id": "m-x7"\0}',
        "a list": b'[{"device_id": "m-x8"}]',
        "two objects": b'{"device_id": "m-x8"}{"device_id": "m-x9"}',
        "a comment": b'{"device_id": "m-x8"} // x',
        "UTF-16": '{"device_id": "m-x8"}'.encode("utf-16"),
        "a byte order mark": b'\xef\xbb\xbf{"device_id": "m-x8"}',
        "nothing": b"",
        "a name of 64 KiB": json.dumps({"device_id": "m-x10", "name": "n" * 65536}).encode(),
        "an id of 64 KiB": json.dumps({"device_id": "m" * 65536}).encode(),
        "control characters": json.dumps({"device_id": "m-x11", "name": "a\x1b[31mb\x07"}).encode(),
        "a line break in a name": json.dumps({"device_id": "m-x11", "name": "a\r\nSet-Cookie: x"}).encode(),
        "C1 controls": json.dumps({"device_id": "m-x11", "name": "a\u0085\u009bb"}).encode(),
        "letters that are none in an id": json.dumps({"device_id": "m-\u0430sha"}).encode(),
        "a turn of direction in an id": json.dumps({"device_id": "m-\u202eahsa"}).encode(),
    }
    bad = [f"{name}: {answer}" for name, data in cases.items()
           if (answer := ask("POST", "/api/devices", admin, data)).status not in (400, 413, 422) or answer.headers == []]
    all_are(f"{len(cases)} bodies that nobody honest sends are refused", bad)
    known = {d["device_id"] for d in ask("GET", "/api/devices?limit=1000", admin).json()["devices"]}
    tell("and none of them left a device", not [d for d in known if d.startswith("m-x")], known)
    bad = []
    for amount in ("1e3", "NaN", "Infinity", "-0.00", "0", "1,000.00", "0x10", "1" * 40, "99999999999999999999.99", "1.005", " 1.00", "1.00\n", "１.00", 1.5, True):
        answer = ask("POST", f"/api/accounts/{tokens['account']}/payments", admin,
                     {"amount": amount, "received_at": "2026-02-01T10:00:00+05:30", "method": "cash", "reference": "x"})
        if answer.status not in (400, 422):
            bad.append(f"{amount!r}: {answer}")
    all_are("amounts that are no money are refused", bad)
    name = "=HYPERLINK(\"http://evil\")<b>&amp;</b>\u202etxt.exe\u2066"
    answer = ask("POST", "/api/devices", admin, {"device_id": "m-hostile", "name": name})
    listed = [d["name"] for d in ask("GET", "/api/devices?limit=1000", admin).json()["devices"] if d["device_id"] == "m-hostile"]
    tell("a name of markup, a formula and turned text is kept as a name, or refused", answer.status == 422 or listed == [name], answer)


def names(tokens):
    """Texts for people, in every body that takes one: what no name is made of is refused, wherever it comes in."""
    account, at = tokens["account"], "2026-02-01T10:00:00+05:30"
    takes = [("POST", "/api/devices", lambda v: {"device_id": "m-name", "name": v}),
             ("POST", "/api/accounts", lambda v: {"person": v, "place": "1", "from": "2026-01-01", "meters": []}),
             ("POST", "/api/accounts", lambda v: {"person": "a", "place": v, "from": "2026-01-01", "meters": []}),
             ("PATCH", f"/api/accounts/{account}", lambda v: {"person": v}),
             ("POST", "/api/tariffs", lambda v: {"name": v, "effective_from": "2030-01-01", "slabs": [{"up_to_kwh": None, "rate": "1.00"}]}),
             ("POST", f"/api/accounts/{account}/payments", lambda v: {"amount": "1.00", "received_at": at, "method": "cash", "reference": v}),
             ("POST", "/api/devices/m-asha/edits", lambda v: {"kind": "void", "from": at, "to": at, "reason": v}),
             ("POST", "/api/invoices/m-ravi", lambda v: {"month": "2026-01", "reason": v})]
    values = {"a NUL": "a\0b", "64 KiB": "n" * 65536, "an escape": "a\x1b[2Jb", "a line break": "a\r\nb", "a tab": "a\tb", "C1": "a\u0085b",
              "a delete": "a\x7fb"}
    bad = []
    for method, target, body in takes:
        for name, value in values.items():
            sent = body(value)
            answer = ask(method, target, tokens["admin"], sent)
            field = next(key for key, text in sent.items() if text == value)
            said = [e["field"] for e in answer.json().get("errors", [])] if answer.status == 422 else []
            # A NUL is no text for the reader of JSON already, and a tariff as a whole is at most 64 KiB.
            if field not in said and not (answer.status == 400 and name in ("a NUL", "64 KiB")):
                bad.append(f"{method} {target} with {name}: {answer}")
    all_are("names of NULs, controls and 64 KiB are refused wherever one is taken", bad)


def races(tokens):
    count = 20
    gate, answers = threading.Barrier(count), []

    def issue():
        gate.wait()
        answers.append(ask("POST", "/api/invoices/m-asha", tokens["admin"], {"month": "2026-01"}))

    threads = [threading.Thread(target=issue) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(a.status for a in answers)
    invoices = ask("GET", "/api/invoices/m-asha", tokens["admin"]).json()["invoices"]
    tell(f"of {count} at once that issue a month one does", statuses.count(201) == 1 and set(statuses) <= {201, 409, 503}, statuses)
    tell("and there is one invoice", len(invoices) == 1, invoices)
    number = invoices[0]["number"]
    gate, answers = threading.Barrier(count), []

    def pay():
        gate.wait()
        answers.append(ask("POST", f"/api/accounts/{tokens['account']}/payments", tokens["admin"],
                           {"amount": "10.00", "received_at": "2026-02-01T10:00:00+05:30", "method": "upi", "reference": "UTR 1"},
                           headers=["Idempotency-Key: race-1"]))

    threads = [threading.Thread(target=pay) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = ask("GET", f"/api/accounts/{tokens['account']}/entries", tokens["admin"]).json()["entries"]
    payments = [e for e in entries if e["kind"] == "payment"]
    tell("of twenty at once that record a payment one counts", len(payments) == 1, f"{sorted(a.status for a in answers)} {payments}")
    foreign = [ask("GET", f"/api/invoices/m-asha/{number}{end}", tokens["ravi"]) for end in ("", ".pdf")]
    absent = [ask("GET", f"/api/invoices/m-none/{number}{end}", tokens["ravi"]) for end in ("", ".pdf")]
    tell("somebody else's invoice looks as if it were not there",
         all(f.status == a.status == 404 and f.body == a.body for f, a in zip(foreign, absent)), [str(a) for a in foreign + absent])


def tokens_forged(tokens):
    enc = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    head, claims, signature = tokens["asha"].split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    raised = enc(json.dumps({**decoded, "role": "admin"}).encode())
    forged = {
        "none": enc(json.dumps({**header, "alg": "none"}).encode()) + "." + raised + ".",
        "None": enc(json.dumps({**header, "alg": "None"}).encode()) + "." + raised + "." + signature,
        "another algorithm": enc(json.dumps({**header, "alg": "HS512"}).encode()) + "." + claims + "." + signature,
        "an asymmetric one": enc(json.dumps({**header, "alg": "RS256"}).encode()) + "." + claims + "." + signature,
        "a role of one's own": head + "." + raised + "." + signature,
        "no signature": head + "." + claims + ".",
        "two parts": head + "." + claims,
        "a key that is a path": enc(json.dumps({**header, "kid": "../../../dev/null"}).encode()) + "." + claims + "." + signature,
        "a key inside": enc(json.dumps({**header, "jwk": {"kty": "oct", "k": "AA"}}).encode()) + "." + claims + "." + signature,
        "nothing": "", "dots": "..", "64 KiB": "a" * 8000 + "." + "b" * 4000 + ".c",
    }
    bad = [f"{name}: {answer}" for name, token in forged.items()
           if (answer := ask("GET", "/api/devices", headers=[f"Authorization: Bearer {token}"])).status not in (401, 413, 431)]
    all_are("forged tokens are none", bad)


# --- WebSocket ---

def upgrade(port, origin=None):
    stream = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S)
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall((f"GET /api/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                    f"Sec-WebSocket-Version: 13\r\n" + (f"Origin: {origin}\r\n" if origin else "") + "\r\n").encode())
    file = stream.makefile("rb")
    return stream, file, read_answer(file).status


def frame(opcode, payload, fin=True, mask=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    length = len(payload)
    bit = 0x80 if mask else 0
    head += bytes([bit | length]) if length < 126 else bytes([bit | 126]) + struct.pack(">H", length) if length < 65536 else bytes([bit | 127]) + struct.pack(">Q", length)
    return head + (b"\0\0\0\0" if mask else b"") + payload


def close_code(data):
    """The code that the server closes with; 0: it hangs up."""
    stream, file, status = upgrade(DIRECT)
    try:
        try:
            stream.sendall(data)
        except OSError:
            pass
        while True:
            first = file.read(2)
            if len(first) < 2:
                return 0
            length = first[1] & 0x7F
            if length == 126:
                length = struct.unpack(">H", file.read(2))[0]
            payload = file.read(length)
            if first[0] & 0x0F == 8:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005
    except OSError:
        return 0
    finally:
        stream.close()


def sockets(tokens):
    hello = json.dumps({"token": tokens["asha"], "devices": ["m-ravi"]}).encode()
    deep = b'{"token":' + b"[" * 30000 + b"]" * 30000 + b"}"
    cases = [
        ("unmasked", frame(1, b"{}", mask=False), {1002}), ("a reserved bit", frame(1, b"{}", rsv=4), {1002}), ("an unknown opcode", frame(3, b"{}"), {1002}),
        ("a ping of 126 bytes", frame(9, b"a" * 126), {1002}), ("a ping in pieces", frame(9, b"a", fin=False), {1002}),
        ("a piece of nothing", frame(0, b"a"), {1002}), ("bad UTF-8", frame(1, b"\xff\xff"), {1007}), ("binary", frame(2, b"{}"), {1003}),
        ("a close of one byte", frame(8, b"\x03"), {1002, 1005}), ("a close code of ours", frame(8, struct.pack(">H", 1005)), {1002}),
        ("a frame of 2^63 bytes", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0abc", {1002, 1009}),
        ("a frame of 100 MB", b"\x81\xff" + struct.pack(">Q", 100_000_000) + b"\0\0\0\0abc", {1009}),
        ("a bomb of pieces", frame(1, b"", fin=False) + frame(0, b"", fin=False) * 5000, {1009}),
        ("pieces that grow without end", frame(1, b"a" * 60000, fin=False) + frame(0, b"a" * 60000, fin=False) * 200, {1009}),
        ("deep JSON", frame(1, deep), {4401, 1009}), ("somebody else's meter", frame(1, hello), {4404}),
        ("a token that is none", frame(1, b'{"token":"a.b.c","devices":"*"}'), {4401}), ("no token", frame(1, b"{}"), {4401}),
        ("a flood of messages", frame(1, json.dumps({"token": tokens["asha"], "devices": ["m-asha"]}).encode()) * 200, {1008}),
    ]
    for name, data, wanted in cases:
        code = close_code(data)
        # A peer that still writes when it is closed on may see a reset before the code.
        tell(f"WebSocket: {name}", code in wanted or (code == 0 and len(data) > 65536), code)
    statuses = {}
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"):
        stream, _, statuses[origin] = upgrade(DIRECT, origin)
        stream.close()
    tell("WebSocket: pages of others may not connect", set(statuses.values()) == {403}, statuses)
    stream, _, status = upgrade(DIRECT, "http://localhost")
    stream.close()
    tell("WebSocket: a page of ours may", status == 101, status)


# --- whose address ---

def addresses():
    """Through nginx, which is trusted, a client cannot choose the address that it is counted for."""
    bad = []
    for claim in ("203.0.113.7", "203.0.113.7, 203.0.113.8", "127.0.0.1, 127.0.0.1", "unknown", "1.2.3.4:80", "\"><script>", "::ffff:203.0.113.7", "a" * 4000):
        answer = ask("POST", "/api/auth/login", body={"email": "x@example.org", "password": "wrong wrong wrong"}, port=NGINX,
                     headers=[f"X-Forwarded-For: {claim}", f"X-Real-IP: {claim}", f"Forwarded: for={claim}"])
        if answer.status not in (400, 401, 429):
            bad.append(f"{claim[:40]}: {answer}")
    all_are("claims of another address are no way in", bad)


def main():
    tokens = {"admin": log_in(ADMIN), "asha": log_in(ASHA), "ravi": log_in(RAVI)}
    accounts = ask("GET", "/api/accounts", tokens["asha"]).json()["accounts"]
    tokens["account"] = accounts[0]["account_id"]
    traversal(tokens)
    headers(tokens)
    smuggling()
    injections(tokens)
    mass_assignment(tokens, tokens["account"])
    names(tokens)
    races(tokens)
    bodies(tokens)
    tokens_forged(tokens)
    sockets(tokens)
    addresses()


if __name__ == "__main__":
    sys.exit(main())
