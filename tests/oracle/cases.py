"""Random cases: histories of readings and tariffs, each from a seed and a number alone, drawn towards the edges of the rules."""
import random
from datetime import date, timedelta

from exact import DAY_MS, HOUR_MS, Clock, month_days, text_of

MINUTE_MS = 60000
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC",
         "America/Santiago", "Asia/Beirut"]  # the last two skip a midnight
MONTHS = {"Europe/Berlin": ["2026-03", "2026-10"], "America/New_York": ["2026-03", "2026-11"],
          "Australia/Lord_Howe": ["2026-04", "2026-10"], "America/Santiago": ["2026-04", "2026-09"], "Asia/Beirut": ["2026-03", "2026-10"]}
CURRENCIES = ["INR", "EUR", "JPY", "KWD"]
CLOCKS = {}


def clock_of(zone):
    if zone not in CLOCKS:
        CLOCKS[zone] = Clock(zone)
    return CLOCKS[zone]


def kwh(wh):
    return wh / 1000  # JSON's shortest text of it has at most three places


class Maker:
    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.chance = lambda p: self.random.random() < p
        self.pick = self.random.choice
        self.absurd = self.chance(0.005)  # the most of all: some of these bills do not fit into 64 bits
        self.between = self.random.randint

    # --- the frame -------------------------------------------------------------------------------------------------

    def make(self):
        zone = self.pick(ZONES)
        self.clock = clock_of(zone)
        usual = ["2026-01", "2026-02", "2024-02", "2026-06", "2025-12"]
        self.month = self.pick(MONTHS.get(zone, usual) if self.chance(0.6) else usual)
        self.first, self.after = month_days(*map(int, self.month.split("-")))
        case = {"zone": zone, "currency": self.pick(CURRENCIES), "month": self.month, "device_id": "m0",
                "account_id": self.pick(["a_1", None])}
        self.tenancy(case)
        self.low, self.high = self.clock.day_start(self.from_day), self.clock.day_start(self.to_day)
        case["now"] = self.clock.day_start(self.after) + self.pick([0, 5 * DAY_MS, 40 * DAY_MS])
        self.running = self.chance(0.08)
        if self.running:
            begin = self.clock.day_start(self.first)
            case["now"] = self.between(begin, max(begin, self.high - 1))
        case["tariffs"] = self.known_tariffs = self.tariffs()
        self.edges = self.all_edges(case)
        case["meters"] = self.meters()
        if self.running:
            for meter in case["meters"]:
                meter["readings"] = [r for r in meter["readings"] if r[0] <= case["now"]]
                meter.get("edits", [])[:] = [e for e in meter.get("edits", []) if e["at"] <= case["now"]]
        if self.chance(0.4):
            case["sanctioned_load_kw"] = kwh(self.pick([0, 1000, 3500, 12345, self.between(0, 50000)]))
        if self.chance(0.1):
            case["average_kwh_per_day"] = kwh(self.pick([0, 1, 10000, self.between(0, 30000)]))
        if self.chance(0.1):
            case["true_ups"] = self.true_ups(case["currency"])
        return case

    def tenancy(self, case):
        self.from_day, self.to_day = self.first, self.after
        days = (self.after - self.first).days
        if self.chance(0.2):
            self.from_day = self.first + timedelta(days=self.pick([-40, 0, 1, days - 1, self.between(0, days - 1)]))
            case["from"] = self.from_day.isoformat()
            self.from_day = max(self.from_day, self.first)
        if self.chance(0.2):
            left = (self.after - self.from_day).days
            self.to_day = self.from_day + timedelta(days=self.pick([1, left, left + 30, self.between(1, left)]))
            case["to"] = self.to_day.isoformat()
            self.to_day = min(self.to_day, self.after)

    def all_edges(self, case):
        """Instants that the rules look at."""
        edges = [self.low, self.high]
        for tariff in case["tariffs"]:
            day = date.fromisoformat(tariff["from"])
            if self.from_day < day < self.to_day:
                edges.append(self.clock.day_start(day))
        for window in [w for t in case["tariffs"] for w in t["tariff"].get("time_of_day", [])]:
            for _ in range(2):
                day = self.from_day + timedelta(days=self.between(0, (self.to_day - self.from_day).days - 1))
                edges += [self.clock.wall(day, minutes(window["from"])), self.clock.wall(day, minutes(window["to"]))]
        return edges

    # --- readings --------------------------------------------------------------------------------------------------

    def times(self, low, high):
        """Instants of readings over a span, in modes that change: dense, even, sparse, silent."""
        found, t = [], low
        while t < high and len(found) < 260:
            mode = self.pick(["minute", "five", "quarter", "hour", "hours", "hours", "days", "days", "silent"])
            for _ in range(self.between(1, 25)):
                step = {"minute": MINUTE_MS, "five": 5 * MINUTE_MS, "quarter": 15 * MINUTE_MS, "hour": HOUR_MS,
                        "hours": self.between(HOUR_MS, 8 * HOUR_MS), "days": self.between(DAY_MS // 4, 2 * DAY_MS),
                        "silent": self.between(DAY_MS, 12 * DAY_MS)}[mode]
                if self.chance(0.1):
                    step += self.pick([-1, 1, 999, 7 * MINUTE_MS])
                found.append(t)
                t += step
                if t >= high or mode == "silent":
                    break
        return found

    def carve(self, times):
        """Puts edges into gaps of telling lengths, or readings on edges."""
        for edge in self.random.sample(self.edges, min(len(self.edges), self.between(0, 4))):
            if self.chance(0.4):
                times.append(edge + self.pick([0, 0, 0, -1, 1]))
                continue
            length = self.pick([HOUR_MS, HOUR_MS + 1, HOUR_MS - 1, 5 * MINUTE_MS, 5 * MINUTE_MS + 1, 3 * HOUR_MS, 2, 30 * HOUR_MS])
            before = self.pick([0, 1, length // 2, length // 3, length - 1, self.between(0, length)])
            a, b = edge - before, edge - before + length
            times[:] = [t for t in times if t <= a or t >= b] + [a, b]
        for _ in range(self.between(0, 2)):
            self.dense(times)
        return sorted(set(times))

    def dense(self, times):
        """A few hours read every five minutes or less, for demand, here and there with a hole."""
        start = self.pick(self.edges) - self.pick([0, 0, HOUR_MS, 30 * MINUTE_MS, self.between(0, HOUR_MS)])
        step = self.pick([MINUTE_MS, 5 * MINUTE_MS, 5 * MINUTE_MS, 5 * MINUTE_MS + 1, 4 * MINUTE_MS])
        times += [start + i * step for i in range(self.between(4, 40)) if self.chance(0.98)]

    def values(self, times, max_w):
        """Registers that go up by what the meter can measure, or a little more."""
        wh, found = 0, []
        habit = self.pick([0, max_w // 50, max_w // 10, max_w])
        for i, t in enumerate(times):
            if i:
                ms = t - times[i - 1]
                limit = max_w * 6 * ms // (5 * HOUR_MS) + 2
                if self.chance(0.05):
                    habit = self.pick([0, max_w // 50, max_w // 10, max_w])
                draw = self.random.random()
                if draw < 0.01:
                    wh += limit
                elif draw < 0.015:
                    wh += limit + 1
                else:
                    wh += min(limit, self.between(0, habit) * ms // HOUR_MS)
            found.append(wh)
        return found

    def disturb(self, times, values, modulus):
        """What goes wrong with registers."""
        count = len(times)
        if count == 0:
            return
        for _ in range(self.pick([0, 0, 1, 1, 2, 3])):
            i = self.between(0, count - 1)
            what = self.pick(["wild", "wild", "two", "jump", "reset", "reset", "reset to", "fall", "first"])
            if what == "wild":
                values[i] = self.between(0, modulus)
            elif what == "two":
                for k in range(i, min(count, i + 2)):
                    values[k] = self.between(0, modulus)
            elif what == "jump":
                by = self.between(1, modulus)
                values[i:] = [v + by for v in values[i:]]
            elif what == "reset":
                base = values[i] - self.pick([0, 0, self.between(0, 100)])
                values[i:] = [v - base for v in values[i:]]
            elif what == "reset to":
                base = values[i] - self.between(0, max(0, values[i]))
                values[i:] = [v - base for v in values[i:]]
            elif what == "fall":  # for as many readings as do, or do not, make an event
                for k in range(i, min(count, i + self.pick([2, 3, 4]))):
                    values[k] -= self.between(1, 1 + max(0, values[i]))
            elif i:
                values[0] = self.between(0, modulus)

    def hit(self, times, values):
        """Readings on the edges, and a use that ends on, or beside, the bounds of slabs."""
        bounds = [s["up_to_kwh"] * 1000 for t in self.known_tariffs for s in t["tariff"]["slabs"] if s["up_to_kwh"] is not None]
        segments = sorted({e for e in self.edges if self.clock.wall(self.clock.day_of(e), 0) == e and self.low <= e <= self.high})
        if not bounds or len(segments) < 2:
            return
        times[:], at = segments, values[0] if values else 0
        values[:] = [at]
        days = (self.high - self.low) / DAY_MS
        for a, b in zip(segments, segments[1:]):
            step = self.pick(bounds) * self.pick([1, 1, 1, round((b - a) / DAY_MS) / (self.after - self.first).days, days / 31])
            at += max(0, round(step) + self.pick([0, 0, -1, 1]))
            values.append(at)

    def leave_out(self, found):
        """Readings that stand for others, which were left out in between."""
        for before, reading in zip(found, found[1:]):
            passed = reading[0] - before[0]
            if 2 <= passed <= 15 * MINUTE_MS and self.chance(0.5):
                reading.append(self.pick([passed // 2 + 1, passed - 1, min(passed, 5 * MINUTE_MS), min(passed, 5 * MINUTE_MS + 1)]))

    def readings(self, low, high, max_w, modulus):
        times = self.carve(self.times(low, high) + ([high] if self.chance(0.4) else []))
        times = [t for t in times if low <= t <= high or self.chance(0.5)]
        values = self.values(times, max_w)
        start = self.pick([0, 1, modulus // 2, modulus - self.between(0, 200000) % modulus, self.between(0, modulus)])
        values = [v + start for v in values]
        if self.chance(0.15):
            self.hit(times, values)
        else:
            self.disturb(times, values, modulus)
        found = [[t, kwh(v % modulus if v != modulus else v)] for t, v in zip(times, values)]
        if self.chance(0.15):
            self.leave_out(found)
        if found and self.chance(0.1):
            i = self.between(0, len(found) - 1)
            found.insert(i, [found[i][0], kwh(self.pick([0, self.between(0, modulus)]))])
        return found

    def module(self, readings, modulus):
        """The measuring module is changed for a used one, in a gap: what was read from the old one and the new one."""
        places = [i for i in range(1, len(readings)) if readings[i][0] - readings[i - 1][0] > 2 * HOUR_MS]
        if not places:
            return {}
        i = self.pick(places)
        went = readings[i - 1][0] + self.pick([600000, HOUR_MS // 2])
        came = went + self.pick([1, 600000, HOUR_MS, HOUR_MS, HOUR_MS + 1])
        old = round(readings[i - 1][1] * 1000) + self.between(0, 1000)
        new = self.pick([0, self.between(0, old), self.between(0, modulus)])
        shift = new + self.between(0, 1000) - round(readings[i][1] * 1000)
        readings[i:] = [[t, kwh((round(w * 1000) + shift) % modulus)] for t, w in readings[i:]]
        return {at: {"kind": "manual", "before_kwh": None, "after_kwh": kwh(min(wh, modulus))} for at, wh in ((went, old), (came, new))}

    def edits(self, meter, modulus):
        """What a person says about some of a meter's readings."""
        found = self.module(meter["readings"], modulus) if self.chance(0.3) else {}
        by_time = {r[0]: r[1] for r in meter["readings"]}
        times = sorted(by_time)
        for _ in range(self.between(1, 4)):
            kind = self.pick(["void", "correct", "manual", "manual"])
            if kind == "manual":
                near = self.pick(times + self.edges)
                at = near + self.pick([-HOUR_MS, 600000, -600000, HOUR_MS + 1, 1800000])
                if at in by_time or at in found:
                    continue
                before = [t for t in times if t < at][-1:]
                near = by_time[before[0]] * 1000 if before else 0
                value = self.pick([near + self.between(0, 3000), near + 1, self.between(0, modulus), 523000])
                found[at] = {"kind": kind, "before_kwh": None, "after_kwh": kwh(min(int(value), modulus))}
                if self.chance(0.4):
                    follow = at + self.pick([600000, HOUR_MS, HOUR_MS + 1])
                    if follow not in by_time and follow not in found:
                        value = self.pick([value + 100, self.between(0, modulus)])
                        found[follow] = {"kind": kind, "before_kwh": None, "after_kwh": kwh(min(int(value), modulus))}
            elif times:
                at = self.pick(times)
                if at in found:
                    continue
                after = None if kind == "void" else kwh(min(modulus, max(0, int(by_time[at] * 1000) + self.between(-500, 500))))
                found[at] = {"kind": kind, "before_kwh": by_time[at], "after_kwh": after}
        meter["edits"] = [{"no": no, "at": at, "reason": "seen", "by": "admin", "made_at": self.high, **found[at]}
                          for no, at in enumerate(sorted(found), 1)]

    # --- meters ----------------------------------------------------------------------------------------------------

    def meter(self, name, serves_from=None, serves_to=None, sign=1):
        meter = {"device_id": name}
        max_w, modulus = 23000, 10000000
        if serves_from is not None:
            meter["from"] = serves_from
        if serves_to is not None:
            meter["to"] = serves_to
        if sign != 1:
            meter["sign"] = sign
        if self.chance(0.2):
            meter["multiplier"] = kwh(self.pick([2500, 1, 333, 1001, 20000, self.between(1, 100000)]))
        if self.absurd:
            meter["multiplier"] = 10**6
        if self.chance(0.2):
            modulus = self.pick([100000, 1000000, 100000000])
            meter["modulus_kwh"] = kwh(modulus)
        if self.chance(0.2):
            max_w = self.pick([1, 999, 3680, 7001, 60000])
            meter["max_power_kw"] = kwh(max_w)
        low = self.low - self.pick([0, 1, 5 * MINUTE_MS, HOUR_MS, self.between(0, 2 * DAY_MS), self.between(0, 40 * DAY_MS)])
        high = self.high + self.pick([0, 1, HOUR_MS, self.between(0, 3 * DAY_MS), 10 * DAY_MS])
        if self.chance(0.15):
            low = self.between(self.low, self.high)  # a first month
        if self.chance(0.15):
            high = self.between(low, max(low, self.high))  # silent since
        if serves_from is not None:
            low = serves_from + self.pick([0, 5 * MINUTE_MS, HOUR_MS, HOUR_MS + 1, self.between(-DAY_MS, DAY_MS)])
        if serves_to is not None and self.chance(0.8):
            high = serves_to + self.pick([0, -5 * MINUTE_MS, -HOUR_MS, -HOUR_MS - 1, HOUR_MS, self.between(-DAY_MS, DAY_MS)])
        meter["readings"] = [] if self.chance(0.02) else self.readings(low, high, max_w, modulus)
        if self.chance(0.12) and meter["readings"] and all(len(r) == 2 for r in meter["readings"]):
            self.edits(meter, modulus)
        return meter

    def meters(self):
        draw = self.random.random()
        inside = [self.between(self.low, self.high) for _ in range(2)] + [self.pick(self.edges)]
        at = self.pick(inside)
        if draw < 0.6:
            return [self.meter("m0")]
        if draw < 0.75:
            later = at + self.pick([0, 0, 0, HOUR_MS, HOUR_MS + 1, DAY_MS])
            return [self.meter("m0", None, at), self.meter("m1", later, self.pick([None, None, later + 5 * DAY_MS]))]
        if draw < 0.85:
            return [self.meter(f"m{i}") for i in range(3)]
        if draw < 0.93:
            return [self.meter("m0")] + [self.meter(f"f{i}", sign=-1) for i in range(self.between(1, 2))]
        found = []
        for i in range(self.between(1, 4)):
            begin, end = sorted(self.between(self.low - 5 * DAY_MS, self.high + 5 * DAY_MS) for _ in range(2))
            found.append(self.meter(f"m{i}", self.pick([None, begin]), self.pick([None, end + 1]), self.pick([1, 1, 1, -1])))
        return found

    # --- tariffs ---------------------------------------------------------------------------------------------------

    def decimal(self, whole_max, places=None):
        places = self.pick([0, 1, 2, 2, 2, 3, 4, 6]) if places is None else places
        return text_of(self.between(0, whole_max * 10**places), places, min(2, places))

    def rate(self):
        if self.absurd:
            return "1000000"  # the most there is
        return self.pick(["0", "0.005", "0.5", "1", "3.50", "6.00", "0.3275", self.decimal(9), self.decimal(9), self.decimal(100),
                          self.decimal(1000000)] if self.chance(0.3) else [self.decimal(9, 2)])

    def percent(self, low=0):
        return self.pick(["18", "5", "0", "2.5", "12.5", "0.000001", "33.333333", self.decimal(100)] + (["-10", "-100", "-2.5"] if low else []))

    def slabs(self):
        found, bound = [], 0
        for _ in range(self.pick([0, 0, 1, 2, 2, 3, 5])):
            bound += self.pick([1, 100, 1000, 100000, 200000, 50000, 33333, self.between(1, 500000)])
            found.append({"up_to_kwh": kwh(bound), "rate": self.rate()})
        return found + [{"up_to_kwh": None, "rate": self.rate()}]

    def tariff(self, name, day, currency_digits=2):
        tariff = {"name": name, "effective_from": day.isoformat(), "slabs": self.slabs()}
        maybe = lambda p, key, value: tariff.update({key: value()}) if self.chance(p) else None
        maybe(0.3, "slab_mode", lambda: "whole_use")
        maybe(0.3, "prorate_slabs", lambda: True)
        maybe(0.7, "fixed_charge", lambda: self.pick(["50.00", "31", "0", self.decimal(1000)]))
        maybe(0.25, "fixed_per_kw", lambda: self.pick(["10.00", self.decimal(100)]))
        maybe(0.25, "minimum_charge", lambda: self.pick(["150.00", "0", self.decimal(2000)]))
        maybe(0.3, "surcharges", self.surcharges)
        maybe(0.7, "taxes", self.taxes)
        maybe(0.35, "time_of_day", self.windows)
        if "time_of_day" in tariff and self.chance(0.5):
            tariff["holidays"] = self.holidays()
        maybe(0.25, "demand", lambda: {"rate_per_kw": self.pick(["120.00", "0.01", self.decimal(500)]), "window_minutes": self.pick([15, 30, 60])})
        maybe(0.25, "round_total_to", lambda: self.pick(["1.00", "0.01", "10.00", "5", "0.05", "0.50"]))
        return tariff

    def windows(self):
        """Windows of a day that do not overlap, one perhaps over midnight; days are the same for all or apart."""
        marks = sorted(self.random.sample(range(0, 96), 2 * self.between(1, 3)))
        if self.chance(0.3):
            marks = sorted(set(marks) | {8, 12})  # about the hour that clocks change
            marks = marks[: len(marks) // 2 * 2]
        pairs = list(zip(marks[::2], marks[1::2]))
        if self.chance(0.4):
            pairs = list(zip(marks[1::2], marks[2::2] + marks[:1]))
        if self.chance(0.1):
            pairs = [(0, 96)]
        show = lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}"
        found = []
        for i, (a, b) in enumerate(pairs):
            window = {"name": f"Window {i}", "from": show(a), "to": show(b), "percent": self.percent(-1)}
            if self.chance(0.5):
                days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
                window["days"] = [day for day in days if self.chance(0.6)] or ["sun"]
            found.append(window)
        return found

    def holidays(self):
        days = (self.after - self.first).days
        dates = {self.first + timedelta(days=self.between(-1, days)) for _ in range(self.between(1, 6))}
        return [day.isoformat() for day in sorted(dates)]

    def surcharges(self):
        sign = lambda: self.pick(["", "", "-"])
        return [{"name": f"Surcharge {i}", **self.pick([{"per_kwh": sign() + self.rate()}, {"percent": self.percent(-1)}])}
                for i in range(self.between(1, 3))]

    def taxes(self):
        kinds = ["energy", "time_of_day", "demand", "fixed", "surcharge", "minimum", "true_up"]
        found = []
        for i in range(self.between(1, 3)):
            tax = {"name": f"Tax {i}", "percent": self.percent()}
            if self.chance(0.5):
                tax["on"] = self.random.sample(kinds, self.between(1, len(kinds)))
            found.append(tax)
        return found

    def tariffs(self):
        days = (self.after - self.first).days
        begin = self.first + timedelta(days=self.pick([-200, -1, 0, 0, 5, days + 3]))
        dates = {begin}
        for _ in range(self.pick([0, 0, 0, 1, 1, 2, 3])):
            dates.add(self.pick([self.from_day, self.from_day + timedelta(days=1), self.to_day - timedelta(days=1), self.to_day,
                                 self.first + timedelta(days=self.between(0, days))]))
        found = []
        for version, day in enumerate(sorted(dates), 1):
            name = self.pick(["LT-1", "LT-1", "LT-2"])
            found.append({"from": day.isoformat(), "version": version, "tariff": self.tariff(name, day)})
        return found

    def true_ups(self, currency):
        digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
        money = lambda: self.pick(["", "-"]) + text_of(self.between(0, 100000), digits, digits)
        return [{"month": month, "net": money(), "taxes": [{"name": f"Tax {i}", "percent": "18", "base": money(), "amount": money()}
                                                         for i in range(self.between(0, 2))]}
                for month in self.random.sample(["2025-11", "2025-10", "2025-12"], self.between(1, 2))]


def minutes(text):
    hours, minute = text.split(":")
    return int(hours) * 60 + int(minute)


def make(seed, number):
    return Maker(seed, number).make()
