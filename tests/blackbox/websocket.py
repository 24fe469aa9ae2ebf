#!/usr/bin/env python3
"""A small WebSocket client for tests, of the standard library alone.

    websocket.py PORT PATH HELLO COUNT [TIMEOUT_S]

Connects to ws://127.0.0.1:PORT PATH, sends HELLO as one text message (nothing if it is empty), prints each
text message on a line of its own as it comes, and ends after COUNT of them. When the server closes, prints
"close CODE" and ends. Exit status 1 when TIMEOUT_S (60) pass first. With WEBSOCKET_CA, a file, it is wss://localhost:PORT, as a page of
that origin would open it.
"""
import base64
import os
import socket
import ssl
import struct
import sys


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise ConnectionError("the connection ended inside a frame")
        data += more
    return data


def handshake(stream, port, path):
    secure = os.environ.get("WEBSOCKET_CA")
    host = f"localhost:{port}" if secure else f"127.0.0.1:{port}"
    origin = f"Origin: https://{host}\r\n" if secure else ""
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall(
        (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{origin}Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(stream, 1)
    status = head.split(b"\r\n")[0].decode()
    if " 101 " not in status:
        sys.exit(f"no upgrade: {status}")


def send(stream, opcode, payload):
    mask = os.urandom(4)
    length = len(payload)
    head = bytes([0x80 | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    else:
        head += bytes([0x80 | 126]) + struct.pack(">H", length)
    stream.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


def receive(stream):
    first, second = read_exactly(stream, 2)
    length = second & 0x7F
    if length == 126:
        length = struct.unpack(">H", read_exactly(stream, 2))[0]
    elif length == 127:
        length = struct.unpack(">Q", read_exactly(stream, 8))[0]
    return first & 0x0F, read_exactly(stream, length)


def main():
    port, path, hello, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    timeout = float(sys.argv[5]) if len(sys.argv) > 5 else 60
    stream = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    if os.environ.get("WEBSOCKET_CA"):
        stream = ssl.create_default_context(cafile=os.environ["WEBSOCKET_CA"]).wrap_socket(stream, server_hostname="localhost")
    handshake(stream, port, path)
    if hello:
        send(stream, 1, hello.encode())
    while count > 0:
        opcode, payload = receive(stream)
        if opcode == 1:
            print(payload.decode(), flush=True)
            count -= 1
        elif opcode == 8:
            print("close", struct.unpack(">H", payload[:2])[0] if payload else 1005, flush=True)
            return
        elif opcode == 9:
            send(stream, 10, payload)
    send(stream, 8, struct.pack(">H", 1000))


if __name__ == "__main__":
    try:
        main()
    except (TimeoutError, socket.timeout):
        sys.exit("nothing came in time")
