#!/usr/bin/env python3
"""The oracle of the fault tests: it plays meters, knows what has been acknowledged to them, and compares that with what the
server has in the end.

    oracle.py meters --port MQTT_PORT --state FILE [...]   plays them until SIGTERM, then until all is acknowledged
    oracle.py check --api URL --state FILE [...]           reads all back and compares; prints one JSON object

A plain meter's reading is acknowledged when the broker's PUBACK is there. A meter that sends `seq` keeps its readings until
`meters/{id}/ack` covers them, and sends them again after a reconnect or a pause, as the firmware does; the broker's PUBACK
tells it nothing. Both send late readings, some twice, in single messages and arrays; plain ones also another reading under
a key that they have used (the first must win). Everything follows from the seed.

FILE.count holds "SENT ACKNOWLEDGED" (readings), several times a second, and FILE.seq the same of meters that send `seq`. `check` takes the API's token from SM_TOKEN.
"""
import argparse
import collections
import datetime
import json
import os
import random
import selectors
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import mqtt

# How long a meter waits for an ack before it sends its log again, and how much of its log it sends ahead of the acks.
PAUSE_S = 2.0
LOG_AHEAD = 400
IN_FLIGHT = 20
UTC = datetime.timezone.utc
# A reading's values in the thousandths that the store keeps: the names of the members, as telemetry has them.
MEMBERS = ("voltage", "current", "power_w", "energy_kwh", "power_factor", "frequency_hz", "rssi")


def instant_text(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{ms % 1000:03d}Z" if ms % 1000 else at + "Z"


def instant_ms(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(milliseconds=1)


def decimal(thousandths):
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


class Book:
    """What one device has sent (instant -> values, the first of each) and what of it has been acknowledged."""

    def __init__(self, sent=None, acked=None):
        self.sent = sent if sent is not None else {}
        self.acked = acked if acked is not None else set()

    def compare(self, stored):
        """stored: (instant, values) in the server's order. How many are missing, doubled, wrong, and never sent."""
        seen = collections.Counter(ts for ts, _ in stored)
        return {
            "missing": len(self.acked - seen.keys()),
            "doubled": sum(seen.values()) - len(seen),
            "wrong": sum(1 for ts, values in stored if ts in self.sent and self.sent[ts] != values),
            "never_sent": sum(1 for ts in seen if ts not in self.sent),
        }


class Household:
    """A meter's readings, in the order in which it sends them: mostly by time, some of them late."""

    def __init__(self, seed, device_id, options):
        self.random = random.Random(f"{seed} {device_id}")
        self.options = options
        self.index = 0
        self.waiting = []  # (index at which it is sent, reading)
        self.energy_wh = self.random.randrange(5_000_000)

    def measure(self):
        r = self.random
        ts = self.options.start_ms + self.index * self.options.step_s * 1000 + r.choice((0, 0, 0, r.randrange(999)))
        self.energy_wh += r.randrange(100)
        values = (r.randrange(210_000, 250_000), r.randrange(20_000), r.randrange(5_000_000), self.energy_wh,
                  r.randrange(0, 1001), r.randrange(49_500, 50_500), -1000 * r.randrange(30, 100))
        self.index += 1
        return ts, values

    def next(self):
        if self.waiting and self.waiting[0][0] <= self.index:
            return self.waiting.pop(0)[1]
        reading = self.measure()
        if self.random.random() >= self.options.late:
            return reading
        self.waiting.append((self.index + self.random.choice((1, 7, 60, 300)), reading))
        self.waiting.sort(key=lambda w: w[0])
        return self.next()

    def rest(self):
        late, self.waiting = [reading for _, reading in self.waiting], []
        return late


def telemetry(device_id, ts, values, extra=None):
    fields = ", ".join(f'"{name}": {decimal(v) if name != "rssi" else v // 1000}' for name, v in zip(MEMBERS, values))
    more = "".join(f', "{name}": {value}' for name, value in (extra or {}).items())
    return f'{{"device_id": "{device_id}", "timestamp": "{instant_text(ts)}", {fields}{more}}}'


class PlainMeter:
    """Believes the broker's PUBACK."""

    def __init__(self, device_id, household, options, client):
        self.device_id, self.household, self.options = device_id, household, options
        self.random = household.random
        self.book = Book()
        self.client = client
        self.extra = []  # what is sent once more: (instant, values)

    def connected(self):
        pass

    def may_send(self):
        return self.client.ready and len(self.client.in_flight) < IN_FLIGHT

    def take_some(self, count):
        batch = []
        for _ in range(count):
            reading = self.household.next()
            batch.append(reading)
            if self.random.random() < self.options.twice:
                self.extra.append(reading)
            elif self.random.random() < self.options.other:
                ts, values = reading
                self.extra.append((ts, (values[0] + 1000,) + values[1:]))
        return batch

    def send(self):
        """One message; how many readings it holds."""
        count = self.random.randrange(1, self.options.array + 1) if self.random.random() < 0.5 else 1
        batch = self.take_some(count)
        again, self.extra = (self.extra, []) if len(self.extra) > 3 else ([], self.extra)
        self.publish(batch + again)
        return len(batch)

    def publish(self, batch):
        for ts, values in batch:
            self.book.sent.setdefault(ts, values)
        payload = [telemetry(self.device_id, ts, values) for ts, values in batch]
        body = payload[0] if len(payload) == 1 else "[" + ", ".join(payload) + "]"
        self.client.publish(f"meters/{self.device_id}/telemetry", body.encode(), [ts for ts, _ in batch])

    def send_rest(self):
        rest = self.household.rest() + self.extra
        self.extra = []
        for i in range(0, len(rest), 500):
            self.publish(rest[i : i + 500])

    def puback(self, instants):
        self.book.acked.update(instants)

    def ack(self, epoch, seq):
        pass

    def tick(self, now):
        pass

    def settled(self):
        return not self.client.in_flight


class SeqMeter(PlainMeter):
    """Keeps a log and believes the server's ack alone."""

    def __init__(self, device_id, household, options, client):
        super().__init__(device_id, household, options, client)
        # Another one whenever `seq` starts over, as it does with each start of this program.
        self.epoch = random.Random(f"{options.seed} {device_id} {options.start_ms}").randrange(1, 2**32)
        self.last_seq = 0
        self.log = collections.deque()  # (seq, instant, values), ascending; what is acknowledged leaves it
        self.sent_seq = 0  # what is above it has not been sent since the last rewind
        self.quiet_since = time.monotonic()

    def connected(self):
        self.rewind()

    def rewind(self):
        self.sent_seq = self.log[0][0] - 1 if self.log else self.last_seq
        self.quiet_since = time.monotonic()

    def may_send(self):
        unsent = self.last_seq - self.sent_seq
        return super().may_send() and (unsent > 0 or len(self.log) < LOG_AHEAD)

    def record(self, count):
        for ts, values in self.take_some(count):
            self.last_seq += 1
            self.book.sent.setdefault(ts, values)
            self.log.append((self.last_seq, ts, values))
        self.extra = []

    def send(self):
        made = 0
        if self.sent_seq == self.last_seq:
            made = self.random.randrange(1, self.options.array + 1)
            self.record(made)
        self.send_log()
        return made

    def send_log(self):
        batch = [entry for entry in self.log if entry[0] > self.sent_seq][: self.options.array]
        first = self.log[0][0]
        payload = [telemetry(self.device_id, ts, values, {"seq": seq, "epoch": self.epoch, "seq_first": first})
                   for seq, ts, values in batch]
        body = payload[0] if len(payload) == 1 else "[" + ", ".join(payload) + "]"
        self.client.publish(f"meters/{self.device_id}/telemetry", body.encode(), ())
        self.sent_seq = batch[-1][0]

    def send_rest(self):
        for ts, values in self.household.rest():
            self.last_seq += 1
            self.book.sent.setdefault(ts, values)
            self.log.append((self.last_seq, ts, values))
        while self.sent_seq < self.last_seq and super().may_send():
            self.send_log()

    def ack(self, epoch, seq):
        if epoch != self.epoch:
            return
        if seq > self.last_seq:
            sys.exit(f"{self.device_id} has sent up to {self.last_seq}, and {seq} was acknowledged")
        while self.log and self.log[0][0] <= seq:
            self.book.acked.add(self.log.popleft()[1])
            self.quiet_since = time.monotonic()
        self.sent_seq = max(self.sent_seq, seq)

    def tick(self, now):
        if self.log and now - self.quiet_since > PAUSE_S:
            self.rewind()

    def settled(self):
        return not self.log


class Fleet:
    """All meters, a connection each, in one thread."""

    def __init__(self, options):
        self.options = options
        self.selector = selectors.DefaultSelector()
        self.registered = {}
        self.meters = []
        for kind, prefix, count in ((PlainMeter, "plain", options.plain), (SeqMeter, "seq", options.seq)):
            for i in range(count):
                self.add(kind, f"{prefix}-{i}")
        self.stopping = False
        self.written = None

    def add(self, kind, device_id):
        topics = [f"meters/{device_id}/ack"] if kind is SeqMeter else []
        client = mqtt.Client(
            self.options.port, device_id, lambda: meter.connected(), lambda token: meter.puback(token),
            lambda topic, payload: self.on_ack(meter, payload), topics)
        meter = kind(device_id, Household(self.options.seed, device_id, self.options), self.options, client)
        self.meters.append(meter)

    def on_ack(self, meter, payload):
        ack = json.loads(payload)
        meter.ack(ack["epoch"], ack["seq"])

    def counts(self, kind=PlainMeter):
        books = [m.book for m in self.meters if isinstance(m, kind)]
        return sum(len(book.sent) for book in books), sum(len(book.acked) for book in books)

    def write_counts(self):
        counts = (self.counts(), self.counts(SeqMeter))
        if counts == self.written:
            return
        self.written = counts
        for suffix, pair in zip((".count", ".seq"), counts):
            with open(self.options.state + ".new", "w") as out:
                out.write("%d %d\n" % pair)
            os.replace(self.options.state + ".new", self.options.state + suffix)

    def watch(self):
        """Tells the selector about new sockets, lost ones, and who wants to write."""
        for meter in self.meters:
            client = meter.client
            known, wanted = self.registered.get(meter), client.socket
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.wants_to_write() else 0)
            if known is not None and known[0] is not wanted:
                try:
                    self.selector.unregister(known[0])
                except (KeyError, ValueError):
                    pass
                del self.registered[meter]
                known = None
            if wanted is not None and known is None:
                self.selector.register(wanted, events)
            elif wanted is not None and known[1] != events:
                self.selector.modify(wanted, events)
            if wanted is not None:
                self.registered[meter] = (wanted, events)

    def run(self):
        budget, then = 0.0, time.monotonic()
        while not (self.stopping and all(m.settled() for m in self.meters)):
            self.watch()
            self.selector.select(0.02)
            now = time.monotonic()
            budget, then = min(budget + (now - then) * self.options.rate, self.options.rate / 10), now
            for meter in self.meters:
                meter.client.poll()
                meter.tick(now)
                if self.stopping:
                    meter.send_rest()
                elif budget > 0 and meter.may_send():
                    budget -= meter.send()
            self.write_counts()
        self.write_counts()

    def save(self):
        devices = {m.device_id: {"sent": sorted(m.book.sent.items()), "acked": sorted(m.book.acked)} for m in self.meters}
        with open(self.options.state, "w") as out:
            json.dump({"connects": sum(m.client.connects for m in self.meters), "devices": devices}, out)


def play_meters(options):
    fleet = Fleet(options)

    def stop(*_):
        fleet.stopping = True

    signal.signal(signal.SIGTERM, stop)
    fleet.run()
    fleet.save()
    print("sent %d, acknowledged %d" % fleet.counts(), flush=True)


# --- reading back --------------------------------------------------------------------------------------------------------


def load_books(path):
    with open(path) as file:
        devices = json.load(file)["devices"]
    return {name: Book({ts: tuple(values) for ts, values in d["sent"]}, set(d["acked"])) for name, d in devices.items()}


def get(options, path):
    request = urllib.request.Request(options.api + path, headers={"Authorization": "Bearer " + os.environ["SM_TOKEN"]})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer, parse_float=str, parse_int=str)


def thousandths(number):
    whole, _, fraction = number.lstrip("-").partition(".")
    value = int(whole) * 1000 + int((fraction + "000")[:3])
    return -value if number.startswith("-") else value


def stored_readings(options, device_id):
    """All of a device's readings over the paged API, in the order in which they come."""
    out, cursor = [], ""
    while cursor is not None:
        query = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "limit": options.page}
        if cursor:
            query["cursor"] = cursor
        answer = get(options, f"/api/devices/{device_id}/readings?{urllib.parse.urlencode(query)}")
        for row in answer["readings"]:
            out.append((instant_ms(row["timestamp"]), tuple(thousandths(row[name]) for name in MEMBERS)))
        cursor = answer["next"]
    return out


def compare_all(options, books):
    total = collections.Counter(missing=0, doubled=0, wrong=0, never_sent=0)
    total.update(sent=sum(len(b.sent) for b in books.values()), acked=sum(len(b.acked) for b in books.values()))
    incomplete, unreadable, unordered = [], [], 0
    for device_id, book in sorted(books.items()):
        try:
            stored = stored_readings(options, device_id)
        except urllib.error.HTTPError as error:
            unreadable.append(f"{device_id}: {error.code}")
            continue
        found = book.compare(stored)
        total.update(found, stored=len(stored))
        unordered += [ts for ts, _ in stored] != sorted(ts for ts, _ in stored)
        if found["missing"]:
            incomplete.append(device_id)
    return dict(total, unordered=unordered, incomplete=incomplete, unreadable=unreadable)


def verdict(options, found):
    """What is wrong with what was found, as text; empty if nothing is."""
    bad = [name for name in ("doubled", "wrong", "never_sent", "unordered") if found[name]]
    hurt = set(found["incomplete"]) | {text.partition(":")[0] for text in found["unreadable"]}
    if len(hurt) > options.damaged:
        bad += [name for name in ("missing", "unreadable") if found[name]]
    if not found["stored"]:
        bad.append("nothing is stored")
    return ", ".join(bad)


def check(options):
    """What the broker has acknowledged may still be on its way, so there is a time in which it may come; what is doubled or
    wrong stays so."""
    books = load_books(options.state)
    deadline = time.monotonic() + options.wait_s
    while True:
        found = compare_all(options, books)
        bad = verdict(options, found)
        if not bad or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    print(json.dumps(dict(found, bad=bad)))
    return 1 if bad else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    meters = verbs.add_parser("meters")
    meters.add_argument("--port", type=int, required=True)
    meters.add_argument("--state", required=True)
    meters.add_argument("--seed", default="1")
    meters.add_argument("--plain", type=int, default=0, help="how many plain meters, plain-0 ...")
    meters.add_argument("--seq", type=int, default=0, help="how many that send seq, seq-0 ...")
    meters.add_argument("--rate", type=float, default=2000, help="readings a second, all together")
    meters.add_argument("--array", type=int, default=20, help="readings a message, at most")
    meters.add_argument("--start", default="2020-06-01T00:00:00Z", help="instant of the first reading: long ago, so that no meter comes to the present")
    meters.add_argument("--step-s", type=int, default=600, help="between a meter's readings")
    meters.add_argument("--late", type=float, default=0.05, help="share of readings that are sent late")
    meters.add_argument("--twice", type=float, default=0.05, help="share that is sent twice")
    meters.add_argument("--other", type=float, default=0.0125, help="share after which a plain meter sends another reading under the same key")
    check_ = verbs.add_parser("check")
    check_.add_argument("--api", required=True)
    check_.add_argument("--state", required=True)
    check_.add_argument("--page", type=int, default=3000)
    check_.add_argument("--wait-s", type=float, default=0, help="how long what is acknowledged may take to be there")
    check_.add_argument("--damaged", type=int, default=0, help="how many meters may miss readings, or be unreadable")
    return parser.parse_args()


def main():
    options = arguments()
    if options.verb == "check":
        return check(options)
    options.start_ms = instant_ms(options.start)
    play_meters(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
