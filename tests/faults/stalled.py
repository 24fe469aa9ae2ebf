#!/usr/bin/env python3
"""Clients that ask and do not read what they are given.

    stalled.py live PORT COUNT      COUNT WebSocket clients that want every device
    stalled.py query PORT COUNT PATH   COUNT connections that ask for PATH

The token comes from SM_TOKEN. Prints "waiting" when all have asked, and waits for its end; each client's socket has room for
very little.
"""
import json
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))
import websocket  # noqa: E402


def connect(port):
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect(("127.0.0.1", port))
    return stream


def main():
    kind, port, count, token = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), os.environ["SM_TOKEN"]
    held = []
    for _ in range(count):
        stream = connect(port)
        if kind == "live":
            websocket.handshake(stream, port, "/api/live")
            websocket.send(stream, 1, json.dumps({"token": token, "devices": "*"}).encode())
        else:
            stream.sendall((f"GET {sys.argv[4]} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                            f"Authorization: Bearer {token}\r\n\r\n").encode())
        held.append(stream)
    print("waiting", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
