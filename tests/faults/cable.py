#!/usr/bin/env python3
"""A cable between a program and a server, that can be cut.

    cable.py PORT TARGET FOLDER

Takes connections on PORT and passes them on to TARGET, HOST:PORT or the path of a Unix socket. While FOLDER/silent is there
nothing comes through and nobody is told, and what waited comes when it is gone; while FOLDER/cut is there connections are
closed, old and new ones.
"""
import os
import socket
import sys
import threading
import time

LOOK_S = 0.05


def connect(target):
    if target.startswith("/"):
        there = socket.socket(socket.AF_UNIX)
        there.connect(target)
        return there
    host, port = target.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


class Cable:
    def __init__(self, folder):
        self.silent, self.cut = (os.path.join(folder, name) for name in ("silent", "cut"))

    def wait(self):
        """Until something may come through; False: it is cut."""
        while os.path.exists(self.silent):
            time.sleep(LOOK_S)
        return not os.path.exists(self.cut)

    def pass_on(self, source, sink):
        source.settimeout(LOOK_S)
        try:
            while self.wait():
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data or not self.wait():
                    break
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self, here, target):
        try:
            if not self.wait():
                here.close()
                return
            there = connect(target)
        except OSError:
            here.close()
            return
        for pair in ((here, there), (there, here)):
            threading.Thread(target=self.pass_on, args=pair, daemon=True).start()


def main():
    port, target, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    cable = Cable(folder)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        here, _ = listener.accept()
        threading.Thread(target=cable.serve, args=(here, target), daemon=True).start()


main()
