"""A small MQTT 3.1.1 client of the standard library alone, for programs that play meters.

It does not wait: `Client.poll` is called when its socket is ready, and all that happens is told by call-backs. What is not
acknowledged by the broker is kept and sent again after a reconnect, as QoS 1 asks. A lost connection is made again by the
next `Client.poll` after RETRY_S, for ever.
"""
import errno
import socket
import struct
import time

RETRY_S = 0.05
KEEPALIVE_S = 30
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13


def packet(kind, flags, body):
    length, head = len(body), bytearray([kind << 4 | flags])
    while True:
        length, digit = length >> 7, length & 0x7F
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def split(buffer):
    """Takes the complete packets off the front of a bytearray: yields (kind, flags, body)."""
    while len(buffer) >= 2:
        length = shift = 0
        at = 1
        while True:
            if at >= len(buffer):
                return
            byte = buffer[at]
            length |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        if len(buffer) < at + length:
            return
        kind, flags, body = buffer[0] >> 4, buffer[0] & 0x0F, bytes(buffer[at : at + length])
        del buffer[: at + length]
        yield kind, flags, body


class Client:
    """One connection. on_connected(), on_acked(token), on_message(topic, payload) are called from `poll`."""

    def __init__(self, port, client_id, on_connected, on_acked, on_message, subscriptions=()):
        self.port, self.client_id, self.subscriptions = port, client_id, subscriptions
        self.on_connected, self.on_acked, self.on_message = on_connected, on_acked, on_message
        self.socket = None
        self.ready = False
        self.in_flight = {}
        self.last_id = 0
        self.retry_at = 0.0
        self.connects = 0

    def publish(self, topic, payload, token):
        """At QoS 1. on_acked(token) follows once, over however many connections."""
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.in_flight:
                break
        body = text(topic) + struct.pack(">H", self.last_id) + payload
        self.in_flight[self.last_id] = (body, token)
        if self.ready:
            self.output += packet(PUBLISH, 2, body)

    def wants_to_write(self):
        return self.socket is not None and (bool(self.output) or not self.connected)

    def poll(self):
        now = time.monotonic()
        if self.socket is None:
            if now >= self.retry_at:
                self.connect()
            return
        try:
            self.write()
            self.read()
        except OSError:
            self.lose()
            return
        if self.ready and now > self.sent_at + KEEPALIVE_S / 2:
            self.output += packet(PINGREQ, 0, b"")

    def connect(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input, self.connected, self.ready = bytearray(), False, False
        self.sent_at = time.monotonic()
        body = text("MQTT") + bytes([4, 2]) + struct.pack(">H", KEEPALIVE_S) + text(self.client_id)
        self.output = bytearray(packet(CONNECT, 0, body))
        if self.socket.connect_ex(("127.0.0.1", self.port)) not in (0, errno.EINPROGRESS):
            self.lose()

    def lose(self):
        self.socket.close()
        self.socket, self.ready = None, False
        self.retry_at = time.monotonic() + RETRY_S

    def write(self):
        if self.output:
            try:
                sent = self.socket.send(self.output)
            except BlockingIOError:
                return
            del self.output[:sent]
            self.sent_at = time.monotonic()
        self.connected = True

    def read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            if not data:
                raise ConnectionError
            self.input += data
            for kind, flags, body in split(self.input):
                self.take(kind, flags, body)

    def take(self, kind, flags, body):
        if kind == CONNACK:
            if body[1] != 0:
                raise ConnectionError(f"refused with {body[1]}")
            self.begin()
        elif kind == PUBACK:
            sent = self.in_flight.pop(struct.unpack(">H", body[:2])[0], None)
            if sent is not None:
                self.on_acked(sent[1])
        elif kind == PUBLISH:
            topic_end = 2 + struct.unpack(">H", body[:2])[0]
            topic, payload = body[2:topic_end].decode(), body[topic_end:]
            if flags & 6:
                self.output += packet(PUBACK, 0, payload[:2])
                payload = payload[2:]
            self.on_message(topic, payload)

    def begin(self):
        self.ready = True
        self.connects += 1
        if self.subscriptions:
            body = b"\0\1" + b"".join(text(topic) + b"\1" for topic in self.subscriptions)
            self.output += packet(SUBSCRIBE, 2, body)
        for body, _ in self.in_flight.values():
            self.output += packet(PUBLISH, 2 | 8, body)
        self.on_connected()
