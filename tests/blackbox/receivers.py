#!/usr/bin/env python3
"""Where alerts are sent to in tests: a webhook receiver over HTTPS, and a mail relay that wants STARTTLS and a login.

    receivers.py webhook PORT CERTIFICATE KEY FILE     appends a line {"headers": …, "body": …} to FILE for each POST
    receivers.py mail PORT CERTIFICATE KEY FILE        appends a line {"from", "to", "user", "message"} for each mail

While FILE.fail is there, everything is answered 503, and 451; /redirect answers 302 to FILE.location; /slow never answers.
The standard library alone: SMTP is small, and python3-aiosmtpd is not on every machine."""
import base64
import http.server
import json
import os
import socketserver
import ssl
import sys
import threading
import time

LOCK = threading.Lock()


def note(path, value):
    with LOCK, open(path, "a", encoding="utf-8") as out:
        out.write(json.dumps(value) + "\n")


def context(certificate, key):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls


def webhook(port, tls, path):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = 503 if os.path.exists(path + ".fail") else 200
            if self.path == "/redirect":
                status = 302
            if self.path == "/slow":
                time.sleep(600)
            note(path, {"path": self.path, "status": status, "headers": dict(self.headers), "body": body.decode()})
            self.send_response(status)
            if status == 302:
                self.send_header("Location", open(path + ".location", encoding="utf-8").read().strip())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


class Mail(socketserver.StreamRequestHandler):
    tls = None
    path = None

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def line(self):
        return self.rfile.readline().decode(errors="replace").rstrip("\r\n")

    def secure(self):
        self.request = self.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb")

    def read_data(self):
        lines = []
        while (text := self.line()) != ".":
            lines.append(text)
        return "\n".join(lines)

    def handle(self):
        secure, user, sender, to = False, None, None, []
        self.say("220 test")
        while True:
            text = self.line()
            word = text.split(" ")[0].upper()
            if word in ("", "QUIT"):
                self.say("221 bye")
                return
            if word == "EHLO":
                self.say("250-test")
                self.say("250 AUTH PLAIN" if secure else "250 STARTTLS")
            elif word == "STARTTLS":
                self.say("220 go")
                self.secure()
                secure = True
            elif not secure:
                self.say("530 STARTTLS first")
            elif word == "AUTH":
                first = text.split(" ")[2] if text.count(" ") == 2 else None
                if first is None:
                    self.say("334 ")
                    first = self.line()
                user = base64.b64decode(first).decode().split("\0")[1:]
                self.say("235 yes")
            elif word == "MAIL":
                sender, to = text, []
                self.say("451 later" if os.path.exists(self.path + ".fail") else "250 ok")
            elif word == "RCPT":
                to.append(text)
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                message = self.read_data()
                note(self.path, {"from": sender, "to": to, "user": user, "message": message})
                self.say("250 taken")
            else:
                self.say("500 what?")


def mail(port, tls, path):
    Mail.tls, Mail.path = tls, path
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", port), Mail).serve_forever()


if __name__ == "__main__":
    kind, number, certificate, key, file = sys.argv[1:]
    {"webhook": webhook, "mail": mail}[kind](int(number), context(certificate, key), file)
