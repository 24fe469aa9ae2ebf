#!/usr/bin/env python3
"""Serves images over HTTPS, or HTTP without a certificate, with ranges: image_server.py FOLDER PORT LOG [CERTIFICATE KEY].
Each request is a line in LOG: path, first byte, bytes sent; or, where the
client did not take the certificate, `refused` and why. A file limit in FOLDER holds how many bytes of a body are sent before
the connection is dropped."""
import http.server
import pathlib
import re
import ssl
import sys

folder, port, log = pathlib.Path(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "a", buffering=1)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = folder / pathlib.PurePath(self.path).name
        if not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked.group(1)) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body) - first))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        limit = folder / "limit"
        some = body[first:]
        if limit.exists():
            some = some[: int(limit.read_text())]
        self.wfile.write(some)
        log.write(f"{self.path} {first} {len(some)}\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def get_request(self):
        try:
            return super().get_request()
        except ssl.SSLError as error:
            log.write(f"refused {error.reason}\n")
            raise


server = Server(("127.0.0.1", port), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
