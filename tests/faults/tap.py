#!/usr/bin/env python3
"""Stands between server and broker and counts what each acknowledges.

    tap.py PORT BROKER_TLS_PORT CA_FILE COUNT_FILE

Takes MQTT on PORT without TLS and passes it on to the broker by TLS. COUNT_FILE holds "DELIVERED ACKNOWLEDGED SAID": the
PUBLISH packets that went to the server, and the PUBACK and the PUBLISH packets that came from it (its acks to meters).
"""
import os
import socket
import ssl
import sys
import threading

import mqtt

DELIVERED, ACKNOWLEDGED, SAID = range(3)


class Counts:
    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.counts = [0, 0, 0]
        self.add(0, 0)

    def add(self, which, count):
        with self.lock:
            self.counts[which] += count
            with open(self.path + ".new", "w") as out:
                out.write("%d %d %d\n" % tuple(self.counts))
            os.replace(self.path + ".new", self.path)


def pass_on(source, target, wanted, counts):
    """Until either side ends. wanted: which count a kind of packet adds to, before it is passed on."""
    seen = bytearray()
    try:
        while data := source.recv(65536):
            seen += data
            for kind, _, _ in mqtt.split(seen):
                if kind in wanted:
                    counts.add(wanted[kind], 1)
            target.sendall(data)
    except OSError:
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(server, broker_port, context, counts):
    try:
        broker = context.wrap_socket(socket.create_connection(("127.0.0.1", broker_port)), server_hostname="localhost")
    except OSError:
        server.close()
        return
    from_server = (server, broker, {mqtt.PUBACK: ACKNOWLEDGED, mqtt.PUBLISH: SAID}, counts)
    threading.Thread(target=pass_on, args=from_server, daemon=True).start()
    pass_on(broker, server, {mqtt.PUBLISH: DELIVERED}, counts)


def main():
    port, broker_port, ca_file, count_file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    context = ssl.create_default_context(cafile=ca_file)
    counts = Counts(count_file)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        server, _ = listener.accept()
        threading.Thread(target=serve, args=(server, broker_port, context, counts), daemon=True).start()


if __name__ == "__main__":
    main()
