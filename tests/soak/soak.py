#!/usr/bin/env python3
"""The parts of the soak (tests/soak/run) that play people and meters, watch, count and draw.

    soak.py fleet --port P --meters N --interval S --state FILE     meters that keep what is not acknowledged, until SIGTERM and all is
    soak.py check --state FILE < EXPORT                             what `smartmeter export` has against what the meters sent
    soak.py screens --port P --count N --meters N --state FILE      dashboards: WebSockets and the questions of pages, until SIGTERM
    soak.py watch --metrics URL --pids DIR --out FILE               a line of figures every two seconds, until SIGTERM
    soak.py edges --meters N --months N                             the registers at the ends of past months, as CSV to import
    soak.py judge --samples FILE                                    whether memory and handles were flat, as JSON
    soak.py draw --samples FILE --faults FILE --out FILE            the figures as SVG
"""
import argparse
import csv
import datetime
import http.client
import json
import os
import pathlib
import random
import selectors
import signal
import socket
import statistics
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "faults"), str(HERE.parent / "blackbox")]
import mqtt  # noqa: E402
import websocket  # noqa: E402

EPOCH = 7
CONNECTIONS = 20
# How long a meter waits for an ack before it sends what it keeps again, twice as long each time (a server that does not keep up is not
# helped by more), and how much of it in one message.
PATIENCE_S = 30
MOST_PATIENCE_S = 480
BACKLOG = 100
# How long the last acks may take.
GOODBYE_S = 180
stopping = threading.Event()


def device(i):
    return f"soak-{i:05d}"


class Plan:
    """What meter i measures as its k-th: nothing random, so that whoever knows the plan can count."""

    def __init__(self, meters, interval_s, begin_ms):
        self.meters, self.interval_ms, self.begin_ms = meters, interval_s * 1000, begin_ms

    def at_ms(self, i, k):
        return self.begin_ms + i * self.interval_ms // self.meters + k * self.interval_ms

    def wh(self, i, k):
        return 9_000_000 + i * 37 % 50_000 + 2 * k

    def telemetry(self, i, k):
        at = self.at_ms(i, k)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000))
        wh = self.wh(i, k)
        return (f'{{"device_id":"{device(i)}","timestamp":"{stamp}.{at % 1000:03d}Z","voltage":230.{(i + k) % 10},"current":2.{k % 90 + 10},'
                f'"power_w":{500 + (i * 7 + k * 3) % 200}.5,"energy_kwh":{wh // 1000}.{wh % 1000:03d},"power_factor":0.98,"frequency_hz":50.0,'
                f'"epoch":{EPOCH},"seq":{k + 1},"seq_first":1}}')


class Fleet:
    def __init__(self, arguments):
        self.plan = Plan(arguments.meters, arguments.interval, int(time.time() + 2) * 1000)
        count = arguments.meters
        self.sent, self.acked, self.moved = [0] * count, [0] * count, [0.0] * count
        self.patience = [PATIENCE_S] * count
        self.again = set()  # meters that have something to send again
        self.total_sent = self.total_acked = self.repeated = 0
        self.state = pathlib.Path(arguments.state)
        ignore = lambda *_: None
        self.clients = [mqtt.Client(arguments.port, f"soak-fleet-{c}", ignore, ignore, ignore) for c in range(CONNECTIONS)]
        self.ears = mqtt.Client(arguments.port, "soak-ears", self.heard_again, ignore, self.on_ack, ["meters/+/ack"])

    def heard_again(self):
        """What was said to the meters while nobody listened is not told again: they send what they keep."""
        self.again.update(i for i in range(self.plan.meters) if self.acked[i] < self.sent[i])

    def on_ack(self, topic, payload):
        told = json.loads(payload)
        i = int(topic.split("/")[1][5:])
        if told["epoch"] == EPOCH and told["seq"] > self.acked[i]:
            self.total_acked += told["seq"] - self.acked[i]
            self.acked[i] = told["seq"]
            self.moved[i] = time.monotonic()
            self.patience[i] = PATIENCE_S

    def publish(self, i, payload):
        self.clients[i % CONNECTIONS].publish(f"meters/{device(i)}/telemetry", payload.encode(), None)

    def measure(self, until_ms):
        """Every meter whose turn has come. They come in order: meter after meter, round after round."""
        plan = self.plan
        while plan.at_ms(self.next_meter, self.round) <= until_ms:
            i = self.next_meter
            self.publish(i, plan.telemetry(i, self.round))
            if self.acked[i] == self.sent[i]:
                self.moved[i] = time.monotonic()
            self.sent[i] += 1
            self.total_sent += 1
            self.next_meter += 1
            if self.next_meter == plan.meters:
                self.next_meter, self.round = 0, self.round + 1

    def repeat(self, most):
        for i in list(self.again)[:most]:
            self.again.discard(i)
            first, last = self.acked[i], min(self.sent[i], self.acked[i] + BACKLOG)
            if first < last and self.clients[i % CONNECTIONS].ready and len(self.clients[i % CONNECTIONS].in_flight) < 500:
                self.publish(i, "[" + ",".join(self.plan.telemetry(i, k) for k in range(first, last)) + "]")
                self.repeated += last - first
                self.patience[i] = min(2 * self.patience[i], MOST_PATIENCE_S)
                self.moved[i] = time.monotonic()

    def look(self):
        now = time.monotonic()
        self.again.update(i for i in range(self.plan.meters) if self.acked[i] < self.sent[i] and self.moved[i] + self.patience[i] < now)
        self.state.with_suffix(".count").write_text(f"{self.total_sent} {self.total_acked} {self.repeated}\n")

    def serve(self):
        clients = [*self.clients, self.ears]
        with selectors.DefaultSelector() as selector:
            for client in clients:
                if client.socket is not None:
                    selector.register(client.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if client.wants_to_write() else 0))
            selector.select(0.02)
        for client in clients:
            client.poll()

    def run(self):
        self.round = self.next_meter = 0
        looked = 0.0
        goodbye = None
        while True:
            now = time.monotonic()
            if not stopping.is_set():
                self.measure(int(time.time() * 1000))
            elif goodbye is None:
                goodbye = now + GOODBYE_S
            if now > looked + 1:
                looked = now
                self.look()
            self.repeat(200)
            self.serve()
            if goodbye and (self.total_acked == self.total_sent or now > goodbye):
                break
        self.look()
        plan = self.plan
        self.state.write_text(json.dumps({"meters": plan.meters, "interval_s": plan.interval_ms // 1000, "begin_ms": plan.begin_ms,
                                          "sent": self.sent, "acked": self.total_acked, "repeated": self.repeated}))
        return 0 if self.total_acked == self.total_sent else 1


def check(arguments):
    """Every reading that was sent, once, with its register; nothing else."""
    state = json.loads(pathlib.Path(arguments.state).read_text())
    plan = Plan(state["meters"], state["interval_s"], state["begin_ms"])
    found, last = [0] * plan.meters, [-1] * plan.meters
    doubled = wrong = foreign = 0
    for row in csv.DictReader(sys.stdin):
        i = int(row["device_id"][5:])
        at = datetime.datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00"))
        offset = round(at.timestamp() * 1000) - plan.at_ms(i, 0)
        k, rest = divmod(offset, plan.interval_ms)
        if rest or not 0 <= k < state["sent"][i]:
            foreign += 1
        elif k <= last[i]:
            doubled += 1
        else:
            last[i] = k
            found[i] += 1
            wrong += row["energy_kwh"] != f"{plan.wh(i, k) // 1000}.{plan.wh(i, k) % 1000:03d}".rstrip("0").rstrip(".") and \
                round(float(row["energy_kwh"]) * 1000) != plan.wh(i, k)
    lost = sum(state["sent"]) - sum(found)
    print(json.dumps({"sent": sum(state["sent"]), "stored": sum(found), "lost": lost, "doubled": doubled, "wrong": wrong, "foreign": foreign,
                      "sent_again": state["repeated"]}))
    return 0 if lost == doubled == wrong == foreign == 0 and found else 1


class Screens:
    def __init__(self, arguments):
        self.port, self.count, self.meters = arguments.port, arguments.count, arguments.meters
        self.state = pathlib.Path(arguments.state)
        self.lock = threading.Lock()
        self.frames = self.answers = self.failures = self.opened = 0
        self.token = None

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request(method, path, json.dumps(body) if body else None, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def log_in(self):
        self.token = None
        status, body = self.ask("POST", "/api/auth/login", {"email": os.environ["SM_EMAIL"], "password": os.environ["SM_PASSWORD"]})
        if status == 200:
            self.token = json.loads(body)["token"]

    def screen(self, n):
        """A dashboard of a hundred meters, opened again when the server ends it."""
        watched = [device((n * 997 + j) % self.meters) for j in range(min(100, self.meters))]
        while not stopping.wait(0.5):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as stream:
                    websocket.handshake(stream, self.port, "/api/live")
                    websocket.send(stream, 1, json.dumps({"token": self.token, "devices": watched}).encode())
                    with self.lock:
                        self.opened += 1
                    while not stopping.is_set():
                        opcode, payload = websocket.receive(stream)
                        if opcode == 9:
                            websocket.send(stream, 10, payload)
                        elif opcode == 8:
                            break
                        else:
                            with self.lock:
                                self.frames += 1
            except (OSError, SystemExit):
                continue

    def pages(self):
        """What people's pages ask, and what of it was answered with 5xx or not at all by a server that was ready before and after."""
        choice = random.Random(1)
        since = time.monotonic()
        while not stopping.wait(0.25):
            i = choice.randrange(self.meters)
            now = datetime.datetime.now(datetime.timezone.utc)
            path = choice.choice(["/api/devices?limit=50", f"/api/devices/{device(i)}",
                                  f"/api/devices/{device(i)}/readings?from={(now - datetime.timedelta(hours=1)):%Y-%m-%dT%H:%M:%SZ}",
                                  "/api/alerts?limit=20", f"/api/invoices/{device(i % 2000)}"])
            try:
                if self.token is None or time.monotonic() > since + 300:
                    since = time.monotonic()
                    self.log_in()
                status, _ = self.ask("GET", path)
                with self.lock:
                    self.answers += 1
                    self.failures += status >= 500
            except OSError:
                stopping.wait(1)
            self.state.write_text(json.dumps({"opened": self.opened, "frames": self.frames, "answers": self.answers, "failures": self.failures}))

    def run(self):
        while self.token is None and not stopping.is_set():
            try:
                self.log_in()
            except OSError:
                stopping.wait(1)
        for n in range(self.count):
            threading.Thread(target=self.screen, args=(n,), daemon=True).start()
        self.pages()
        return 0


FIGURES = {"smartmeter_readings_accepted_total": "accepted", "smartmeter_readings_duplicate_total": "duplicate",
           "smartmeter_ingest_lag_seconds_sum": "lag_sum", "smartmeter_ingest_lag_seconds_count": "lag_count",
           "smartmeter_live_clients": "screens", "smartmeter_store_bytes": "store_bytes"}
COLUMNS = ["at", "pid", "rss_kb", "handles", "threads", "cpu_ticks", "write_bytes", "broker_rss_kb", *FIGURES.values()]


def status_of(pid):
    told = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        told[name] = value.split()[0] if value.split() else ""
    return told


def sample(arguments):
    pid = int(pathlib.Path(arguments.pids, "server.pid").read_text())
    row = dict.fromkeys(COLUMNS, "")
    row["at"] = f"{time.time():.1f}"
    try:
        server = status_of(pid)
        row.update(pid=pid, rss_kb=server["VmRSS"], threads=server["Threads"], handles=len(os.listdir(f"/proc/{pid}/fd")))
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        row["cpu_ticks"] = int(stat[11]) + int(stat[12])
        for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes"):
                row["write_bytes"] = line.split()[1]
        with urllib.request.urlopen(arguments.metrics, timeout=2) as answer:
            for line in answer.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                if name in FIGURES:
                    row[FIGURES[name]] = value
    except (OSError, KeyError):
        pass
    try:
        row["broker_rss_kb"] = status_of(int(pathlib.Path(arguments.pids, "broker.pid").read_text()))["VmRSS"]
    except (OSError, KeyError):
        pass
    return row


def watch(arguments):
    with open(arguments.out, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        while not stopping.wait(2):
            writer.writerow(sample(arguments))
            out.flush()
    return 0


def edges(arguments):
    """A register at the begin of each of the months before the running one, and one after: whole months to bill."""
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    now = datetime.datetime.now(zone)
    out = csv.writer(sys.stdout)
    out.writerow(["device_id", "timestamp", "voltage", "current", "power_w", "energy_kwh"])
    for i in range(arguments.meters):
        for back in range(arguments.months, -1, -1):
            months = now.year * 12 + now.month - 1 - back
            at = datetime.datetime(months // 12, months % 12 + 1, 1, tzinfo=zone)
            kwh = 8000 - 100 * back - (i % 17) * back
            out.writerow([device(i), at.isoformat(), 230, 2, 460, kwh])
    return 0


def samples_of(path):
    with open(path, encoding="utf-8") as text:
        return [{name: float(value) if value else None for name, value in row.items()} for row in csv.DictReader(text)]


def judge(arguments):
    """Of each life of the server longer than a minute and a half: the middle of its second quarter against that of its last. Readings that are
    not sealed yet are kept in memory, at most about 48 MB (SM_HOT_BYTES): so much may come on top, and no more."""
    lives = {}
    for row in samples_of(arguments.samples):
        if row["pid"] and row["rss_kb"]:
            lives.setdefault(row["pid"], []).append(row)
    told, good = [], True
    for life in lives.values():
        if life[-1]["at"] - life[0]["at"] < 90:
            continue
        quarter = len(life) // 4
        figures = {"seconds": round(life[-1]["at"] - life[0]["at"])}
        for name, scale in (("rss_kb", 1024), ("handles", 1), ("threads", 1)):
            early = statistics.median(row[name] for row in life[quarter:2 * quarter])
            late = statistics.median(row[name] for row in life[-quarter:])
            key = "rss_mb" if name == "rss_kb" else name
            figures[key] = [round(early / scale, 1), round(late / scale, 1)]
            limit = early * 1.1 + 48 * 1024 if name == "rss_kb" else early + 12
            good = good and late <= limit
        told.append(figures)
    print(json.dumps({"flat": good and bool(told), "lives": told}))
    return 0 if good and told else 1


def rates(rows, name, per):
    """The growth of a counter between neighbouring samples of one life, by another's or by time."""
    out = []
    for before, after in zip(rows, rows[1:]):
        if before["pid"] != after["pid"] or None in (before[name], after[name], before[per], after[per]):
            out.append((after["at"], None))
        else:
            step = after[per] - before[per]
            out.append((after["at"], (after[name] - before[name]) / step if step > 0 else None))
    return out


def draw(arguments):
    rows = samples_of(arguments.samples)
    faults = [line.split(" ", 1) for line in pathlib.Path(arguments.faults).read_text().splitlines()]
    panels = [
        ("readings stored a second", rates(rows, "accepted", "at"), "{:,.0f}"),
        ("from measured to stored, mean, s", rates(rows, "lag_sum", "lag_count"), "{:.1f}"),
        ("processor of the server, per cent of one core", rates(rows, "cpu_ticks", "at"), "{:.0f}"),
        ("memory of the server (resident), MB", [(r["at"], r["rss_kb"] and r["rss_kb"] / 1024) for r in rows], "{:.0f}"),
        ("open files and sockets of the server", [(r["at"], r["handles"]) for r in rows], "{:.0f}"),
        ("dashboards connected", [(r["at"], r["screens"]) for r in rows], "{:.0f}"),
    ]
    begin, end = rows[0]["at"], rows[-1]["at"]
    width, height, left, gap, plot = 900, 110, 70, 46, 800
    total = 56 + len(panels) * (height + gap)
    x = lambda at: left + (at - begin) / (end - begin) * plot
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="{total}" fill="#ffffff"/>']
    for n, (title, points, form) in enumerate(panels):
        top = 56 + n * (height + gap)
        most = max((value for _, value in points if value is not None), default=1) * 1.05 or 1
        out.append(f'<text x="{left}" y="{top - 8}" font-weight="bold" fill="#1f2933">{title}</text>')
        out.append(f'<rect x="{left}" y="{top}" width="{plot}" height="{height}" fill="#f5f7fa" stroke="#cbd2d9"/>')
        for part in (0, 0.5, 1):
            y = top + height - part * height
            out.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end" fill="#52606d">{form.format(most * part)}</text>')
        for at, what in faults:
            at = float(at)
            colour = "#c23b22" if "kill" in what else "#8a6d00"
            if begin <= at <= end:
                out.append(f'<line x1="{x(at):.1f}" y1="{top}" x2="{x(at):.1f}" y2="{top + height}" stroke="{colour}" stroke-dasharray="4 3"/>')
                if n == 0:
                    out.append(f'<text x="{x(at):.1f}" y="{12 if "kill" in what else 27}" text-anchor="middle" font-size="11" fill="{colour}">{what if "kill" in what else "bills " + what[-2:]}</text>')
        line = []
        for at, value in [*points, (end, None)]:
            if value is not None:
                line.append(f"{x(at):.1f},{top + height - value / most * height:.1f}")
            elif line:
                out.append(f'<polyline fill="none" stroke="#0b7285" stroke-width="1.5" points="{" ".join(line)}"/>')
                line = []
    step = max(60, round((end - begin) / 10 / 60) * 60)
    for second in range(0, int(end - begin) + 1, step):
        out.append(f'<text x="{x(begin + second):.0f}" y="{total - 22}" text-anchor="middle" fill="#52606d">{second // 60} min</text>')
    pathlib.Path(arguments.out).write_text("\n".join([*out, "</svg>", ""]), encoding="utf-8")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("fleet", "check", "screens", "watch", "edges", "judge", "draw"))
    for name, kind in {"port": int, "meters": int, "interval": int, "count": int, "months": int, "state": str, "metrics": str, "pids": str,
                       "out": str, "samples": str, "faults": str}.items():
        parser.add_argument(f"--{name}", type=kind)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    parts = {"fleet": lambda: Fleet(arguments).run(), "check": lambda: check(arguments), "screens": lambda: Screens(arguments).run(),
             "watch": lambda: watch(arguments), "edges": lambda: edges(arguments), "judge": lambda: judge(arguments),
             "draw": lambda: draw(arguments)}
    sys.exit(parts[arguments.what]())


main()
