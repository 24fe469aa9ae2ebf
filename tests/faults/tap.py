#!/usr/bin/env python3
"""Stands between server and broker and counts what each acknowledges.

    tap.py PORT BROKER_TLS_PORT CA_FILE COUNT_FILE

Takes MQTT on PORT without TLS and passes it on to the broker by TLS. COUNT_FILE holds "DELIVERED ACKNOWLEDGED": the PUBLISH
packets that went to the server, and the PUBACK packets that came from it.
"""
import os
import socket
import ssl
import sys
import threading

import mqtt


class Counts:
    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.delivered = self.acknowledged = 0
        self.add(0, 0)

    def add(self, delivered, acknowledged):
        with self.lock:
            self.delivered += delivered
            self.acknowledged += acknowledged
            with open(self.path + ".new", "w") as out:
                out.write(f"{self.delivered} {self.acknowledged}\n")
            os.replace(self.path + ".new", self.path)


def pass_on(source, target, wanted, found):
    """Until either side ends; found(n) for every n packets of the kind that is wanted, before they are passed on."""
    seen = bytearray()
    try:
        while data := source.recv(65536):
            seen += data
            count = sum(kind == wanted for kind, _, _ in mqtt.split(seen))
            if count:
                found(count)
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
    threading.Thread(target=pass_on, args=(server, broker, mqtt.PUBACK, lambda n: counts.add(0, n)), daemon=True).start()
    pass_on(broker, server, mqtt.PUBLISH, lambda n: counts.add(n, 0))


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
