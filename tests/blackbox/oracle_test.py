#!/usr/bin/env python3
"""The fault tests' own tools: that the oracle sees what is lost, doubled, changed and made up, that its meters keep what is not
acknowledged, and that the simulated power cut takes what was not synced and nothing else."""
import argparse
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import damage  # noqa: E402
import mqtt  # noqa: E402
import oracle  # noqa: E402
import powerloss  # noqa: E402

OPTIONS = argparse.Namespace(seed="7", start_ms=1767571200000, step_s=600, late=0.2, twice=0.2, other=0.05, array=10)
ONE, TWO = (1000, 2000, 3000), (1000, 2000, 3001)


class Line:
    """In a client's place: what was published stays in `messages`."""

    def __init__(self):
        self.ready, self.in_flight, self.messages = True, {}, []

    def publish(self, topic, payload, token):
        values = json.loads(payload)
        self.messages.append((topic, values if isinstance(values, list) else [values], token))


def meter(kind):
    return kind("m", oracle.Household(7, "m", OPTIONS), OPTIONS, Line())


def seqs(line):
    return [reading["seq"] for _, readings, _ in line.messages for reading in readings]


def sees_nothing_wrong():
    book = oracle.Book({1: ONE, 2: TWO, 3: ONE}, {1, 2})
    return book.compare([(1, ONE), (2, TWO)]) == {"missing": 0, "doubled": 0, "wrong": 0, "never_sent": 0}


def sees(what, stored):
    book = oracle.Book({1: ONE, 2: TWO}, {1, 2})
    found = book.compare(stored)
    return found.pop(what) == 1 and not any(found.values())


def first_of_a_key_counts():
    plain = meter(oracle.PlainMeter)
    plain.publish([(5, ONE + (0,) * 4), (5, TWO + (0,) * 4)])
    return plain.book.sent == {5: ONE + (0,) * 4} and plain.book.acked == set()


def plain_meter_believes_pubacks():
    plain = meter(oracle.PlainMeter)
    for _ in range(20):
        plain.send()
    before = len(plain.book.acked)
    for _, _, token in plain.client.messages[:-1]:
        plain.puback(token)
    last = set(plain.client.messages[-1][2])
    return before == 0 and len(plain.book.acked) > 0 and not (last - set(plain.client.messages[-2][2])) & plain.book.acked


def seq_meter():
    m = meter(oracle.SeqMeter)
    for _ in range(5):
        m.send()
    return m


def seq_meter_believes_acks_alone():
    m = seq_meter()
    for _, _, token in m.client.messages:
        m.puback(token)
    m.ack(m.epoch + 1, m.last_seq)
    none = len(m.book.acked) == 0
    m.ack(m.epoch, 3)
    return none and len(m.book.acked) == 3 and m.log[0][0] == 4


def seq_meter_sends_its_log_again():
    m = seq_meter()
    m.ack(m.epoch, 3)
    m.client.messages.clear()
    m.connected()
    while m.sent_seq < m.last_seq:
        m.send_log()
    first = m.client.messages[0][1][0]["seq_first"]
    return seqs(m.client) == list(range(4, m.last_seq + 1)) and first == 4


def seq_meter_sends_again_after_a_pause():
    m = seq_meter()
    m.client.messages.clear()
    m.tick(m.quiet_since + oracle.PAUSE_S / 2)
    early = m.sent_seq == m.last_seq
    m.tick(m.quiet_since + oracle.PAUSE_S * 2)
    return early and m.sent_seq == 0


def readings_of_a_seed_are_the_same():
    a, b = (oracle.Household(7, "m", OPTIONS) for _ in range(2))
    first, second = [a.next() for _ in range(300)], [b.next() for _ in range(300)]
    times = [ts for ts, _ in first]
    return first == second and len(set(times)) == 300 and times != sorted(times)


def packets_are_split():
    data = bytearray(mqtt.packet(3, 2, b"x" * 300) + mqtt.packet(4, 0, b"\0\1") + b"\x30")
    return [(kind, len(body)) for kind, _, body in mqtt.split(data)] == [(3, 300), (4, 2)] and data == b"\x30"


class LogOfADisk:
    """Records as powerloss.so writes them, and the folder that a cut leaves."""

    def __init__(self, folder):
        self.top, self.base = os.path.join(folder, "data"), os.path.join(folder, "base")
        os.makedirs(self.top)
        with open(os.path.join(self.top, "old"), "wb") as out:
            out.write(b"o" * 8192)
        powerloss.before(self.top, self.base)
        self.inode = os.stat(os.path.join(self.top, "old")).st_ino
        self.disk = powerloss.Disk(self.base)

    def cut(self, seed):
        self.disk.cut(random.Random(seed))
        for path in os.listdir(self.top):
            os.remove(os.path.join(self.top, path))
        self.disk.write(self.top)
        found = {}
        for path in os.listdir(self.top):
            with open(os.path.join(self.top, path), "rb") as file:
                found[path] = file.read()
        return found


def after_cuts(change, judge):
    """judge(what is left) holds after each of 60 cuts; returns what was seen."""
    seen = []
    for seed in range(60):
        with tempfile.TemporaryDirectory() as folder:
            log = LogOfADisk(folder)
            change(log)
            seen.append(log.cut(seed))
            if not judge(seen[-1]):
                return []
    return seen


def synced_data_stays():
    def change(log):
        log.disk.record(powerloss.WRITE, log.inode, 0, b"n" * 4096)
        log.disk.record(powerloss.SYNC, log.inode, 0, b"")
        log.disk.record(powerloss.WRITE, log.inode, 4096, b"u" * 4096)

    seen = after_cuts(change, lambda left: left["old"][:4096] == b"n" * 4096 and len(left["old"]) == 8192)
    tails = {left["old"][4096:] for left in seen}
    # All, nothing and parts of what was not synced have been seen.
    return {b"u" * 4096, b"o" * 4096} < tails


def synced_names_stay():
    def change(log):
        log.disk.record(powerloss.CREATE, 1, 0, b"new.tmp")
        log.disk.record(powerloss.WRITE, 1, 0, b"data")
        log.disk.record(powerloss.SYNC, 1, 0, b"")
        log.disk.record(powerloss.RENAME, 0, len("new.tmp"), b"new.tmp" + b"new")
        log.disk.record(powerloss.SYNC_DIR, 0, 0, b"")

    return bool(after_cuts(change, lambda left: left.get("new") == b"data" and "new.tmp" not in left))


def unsynced_names_may_go():
    def change(log):
        log.disk.record(powerloss.CREATE, 1, 0, b"new")
        log.disk.record(powerloss.SYNC, 1, 0, b"")
        log.disk.record(powerloss.UNLINK, 0, 0, b"old")

    seen = after_cuts(change, lambda left: "new" in left or "old" in left)
    return {tuple(sorted(left)) for left in seen} == {("old",), ("new", "old"), ("new",)}


def frames_of_a_wal():
    header = b"\0" * 8 + (512).to_bytes(4, "big") + b"\0" * 4 + b"saltsalt" + b"\0" * 8
    frame = (1).to_bytes(4, "big") + b"\0\0\0%c" + b"saltsalt" + b"\0" * 8 + b"p" * 512
    data = header + frame % 0 + frame % 9 + frame % 0 + frame.replace(b"saltsalt", b"old salt") % 9
    return damage.frames(data) == (512, [(32, False), (568, True), (1104, False)])


TESTS = [
    ("the oracle: all is well when all that was acknowledged is there", sees_nothing_wrong),
    ("the oracle sees a lost reading", lambda: sees("missing", [(1, ONE)])),
    ("the oracle sees a doubled reading", lambda: sees("doubled", [(1, ONE), (2, TWO), (2, TWO)])),
    ("the oracle sees a changed reading", lambda: sees("wrong", [(1, TWO), (2, TWO)])),
    ("the oracle sees a reading that was never sent", lambda: sees("never_sent", [(1, ONE), (2, TWO), (3, ONE)])),
    ("the first of two readings with a key counts", first_of_a_key_counts),
    ("a plain meter believes the broker", plain_meter_believes_pubacks),
    ("a meter with seq believes the server's acks alone", seq_meter_believes_acks_alone),
    ("a meter with seq sends its log again after a reconnect", seq_meter_sends_its_log_again),
    ("a meter with seq sends its log again after a pause", seq_meter_sends_again_after_a_pause),
    ("readings follow from the seed, some of them late", readings_of_a_seed_are_the_same),
    ("MQTT packets are split", packets_are_split),
    ("power cut: what was synced stays, of the rest a part", synced_data_stays),
    ("power cut: names stay once their folder is synced", synced_names_stay),
    ("power cut: names may go before that", unsynced_names_may_go),
    ("damage: the frames of a WAL end where its salt does", frames_of_a_wal),
]


def main():
    failed = 0
    for number, (name, test) in enumerate(TESTS, 1):
        good = test()
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
