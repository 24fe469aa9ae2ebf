#!/usr/bin/python3
"""Meters that publish over MQTT 3.1.1 and remember what the broker has acknowledged, and a check of what the server has stored
against that: the oracle outside of the server. Debian's own Python, for its Paho (python3-paho-mqtt).

  meters.py publish PORT USER LOG METER[,METER...] COUNT [ARRAY [BYTES]]
      each meter publishes COUNT messages at QoS 1, 100 at a time on their way, over lost connections until all are acknowledged;
      ARRAY: readings a message (1: no array), padded to BYTES a message. The password is in METERS_PASSWORD.
      A broker that answers nothing for 30 s is connected to anew. LOG gets a line "METER FIRST READINGS" a PUBACK.
  meters.py vanish PORT USER METER
      says `online`, with `offline` as its last will, and is killed once that is acknowledged.
  meters.py check API LOG...
      prints "N acknowledged, N missing, N double, N wrong" of the readings, as /api/devices/*/readings gives them with the
      token in METERS_TOKEN.
"""
import collections
import datetime
import json
import os
import signal
import socket
import sys
import threading
import urllib.parse
import urllib.request

START = datetime.datetime(2026, 1, 10, tzinfo=datetime.timezone.utc)
WINDOW = 100


def reading(meter, i):
    at = (START + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (f'{{"device_id": "{meter}", "timestamp": "{at}", "voltage": 230.4, "current": 2.73, "power_w": 628.99, '
            f'"energy_kwh": {1000 + i // 1000}.{i % 1000:03d}}}')


def payload(meter, first, count, size):
    if count == 1:
        return reading(meter, first)
    text = "[" + ", ".join(reading(meter, first + i) for i in range(count))
    return text + " " * (size - len(text) - 1) + "]"


class Meter:
    """One meter and its connection. All but the constructor runs on the connection's thread."""

    def __init__(self, name, port, user, count, array, size, acknowledged):
        import paho.mqtt.client as mqtt
        self.name, self.count, self.array, self.size, self.acknowledged = name, count, array, size, acknowledged
        self.next, self.on_way, self.done = 0, {}, threading.Event()
        self.client = mqtt.Client(client_id=f"meter-{name}", protocol=mqtt.MQTTv311)
        self.client.username_pw_set(user or name, os.environ["METERS_PASSWORD"])
        self.client.max_inflight_messages_set(WINDOW)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, data, flags, code: self.fill()
        self.client.on_publish = self.on_publish
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def watch(self):
        """From the main thread: waits until all is acknowledged; a connection on which nothing is any more is ended."""
        before = None
        while not self.done.wait(30):
            now = (self.next, len(self.on_way))
            connection = self.client.socket()
            if now == before and connection:
                print(f"{self.name}: {now[1]} messages unanswered for 30 s, connecting again", file=sys.stderr)
                connection.shutdown(socket.SHUT_RDWR)
            before = now

    def fill(self):
        while self.next < self.count and len(self.on_way) < WINDOW:
            first = self.next * self.array
            info = self.client.publish(f"meters/{self.name}/telemetry", payload(self.name, first, self.array, self.size), qos=1)
            self.on_way[info.mid] = first
            self.next += 1

    def on_publish(self, client, data, mid):
        self.acknowledged.write(f"{self.name} {self.on_way.pop(mid)} {self.array}\n")
        self.fill()
        if self.next == self.count and not self.on_way:
            self.done.set()


def publish(port, user, log, names, count, array="1", size="0"):
    with open(log, "w", buffering=1, encoding="ascii") as acknowledged:
        meters = [Meter(name, int(port), user, int(count), int(array), int(size), acknowledged) for name in names.split(",")]
        for meter in meters:
            meter.watch()
        for meter in meters:
            meter.client.disconnect()
            meter.client.loop_stop()


def vanish(port, user, name):
    import paho.mqtt.client as mqtt
    client = mqtt.Client(client_id=f"meter-{name}", protocol=mqtt.MQTTv311)
    client.username_pw_set(user, os.environ["METERS_PASSWORD"])
    client.will_set(f"meters/{name}/status", "offline", qos=1, retain=True)
    client.on_connect = lambda *_: client.publish(f"meters/{name}/status", "online", qos=1, retain=True)
    client.on_publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    client.connect("127.0.0.1", int(port))
    client.loop_forever()


def stored_readings(api, meter):
    """Timestamps with their registers in Wh, as often as they are given."""
    found, cursor = collections.Counter(), None
    while True:
        query = {"from": "2026-01-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "limit": "10000"}
        if cursor:
            query["cursor"] = cursor
        request = urllib.request.Request(f"{api}/api/devices/{meter}/readings?{urllib.parse.urlencode(query)}",
                                         headers={"Authorization": "Bearer " + os.environ["METERS_TOKEN"]})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                page = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 404:  # a meter of which nothing has come is not there
                raise
            return found
        for row in page["readings"]:
            found[(row["timestamp"], round(row["energy_kwh"] * 1000))] += 1
        cursor = page["next"]
        if not cursor:
            return found


def check(api, *logs):
    wanted = collections.defaultdict(set)
    for log in logs:
        with open(log, encoding="ascii") as lines:
            for line in lines:
                meter, first, count = line.split()
                wanted[meter].update(range(int(first), int(first) + int(count)))
    missing = double = wrong = 0
    for meter, indexes in wanted.items():
        stored = stored_readings(api, meter)
        right = {(json.loads(reading(meter, i))["timestamp"], 1000000 + i) for i in indexes}
        missing += len(right - set(stored))
        double += sum(stored.values()) - len({at for at, _ in stored})
        wrong += len(set(stored) - right)
    print(f"{sum(map(len, wanted.values()))} acknowledged, {missing} missing, {double} double, {wrong} wrong")


if __name__ == "__main__":
    {"publish": publish, "vanish": vanish, "check": check}[sys.argv[1]](*sys.argv[2:])
