"""An exact bill from readings and tariffs, written from the rules alone: what the C program's bills are held against.

bill(case_input) takes the `input` of a case in contracts/bills and gives the `bill`, as the contract shows it, without the sentences of
`explanations`. See README.md for what is compared and which rules were decided how."""
from copy import copy
from datetime import date, timedelta
from decimal import Decimal

import exact
from exact import DAY_MS, DIGITS, HOUR_MS, Clock, instant_ms, kwh, month_days, nearest, scaled, text_of
from measured import Demand, Window
from pricing import Pricer, Segment, Tariff
from register import Judge, Register

CLOCKS = {}


def clock_of(name):
    if name not in CLOCKS:
        CLOCKS[name] = Clock(name)
    return CLOCKS[name]


class Meter:
    """A meter in the service of the account, for its part of the period."""

    def __init__(self, source, clock):
        self.clock = clock
        self.id = source["device_id"]
        self.serves_from = instant_ms(source["from"]) if source.get("from") else None
        self.serves_to = instant_ms(source["to"]) if source.get("to") else None
        self.sign = source.get("sign", 1)
        self.multiplier = scaled(source.get("multiplier", 1), 3)
        judge = Judge(scaled(source.get("max_power_kw", 23), 3), scaled(source.get("modulus_kwh", 10000), 3))
        self.open_end = False  # the month is running: nobody knows beyond the last reading
        self.edits = source.get("edits", [])
        readings = source["readings"]
        left_out = {instant_ms(r[0]): (instant_ms(before[0]), r[2]) for before, r in zip(readings, readings[1:]) if len(r) > 2 and r[2]}
        self.register = Register(self._edited(readings), judge, left_out)

    def _edited(self, readings):
        """The readings with what people said about them."""
        points = [(instant_ms(r[0]), scaled(r[1], 3), False) for r in readings]
        if not self.edits:
            return points
        said = {instant_ms(e["at"]): e for e in self.edits}
        points = [p for p in points if p[0] not in said]
        points += [(t, scaled(e["after_kwh"], 3), True) for t, e in said.items() if e["kind"] != "void"]
        return sorted(points, key=lambda p: p[0])

    def write_edits(self):
        """Those that its part stands on."""
        low, high = self.register.reach(self.low, self.high)
        for edit in self.edits:
            at = instant_ms(edit["at"])
            if low <= at <= high:
                believed = edit["kind"] == "void" or at not in self.register.doubted
                shown = dict(edit, at=self.clock.text(at), made_at=self.clock.text(instant_ms(edit["made_at"])))
                yield at, edit["no"], dict(shown, device_id=self.id, believed=believed)

    @property
    def begins(self):
        """When it first both serves and has been read; None: never."""
        first = self.register.first_ms
        if first is None:
            return None
        begin = first if self.serves_from is None else max(first, self.serves_from)
        return begin if self.serves_to is None or begin < self.serves_to else None

    def clip(self, low, high):
        self.low = low if self.serves_from is None else max(low, self.serves_from)
        self.high = high if self.serves_to is None else min(high, self.serves_to)
        return self.low < self.high

    def go_on(self, wh_per_day, until):
        """After the last reading by so much a day, as it is billed."""
        last = self.register.last_ms
        if last is not None and last < until:
            more = nearest(wh_per_day * (until - last) * 1000, self.multiplier * DAY_MS)
            self.register.go_on(until, more)

    @property
    def shows(self):
        """Whether its register is known before its part of the period ends."""
        return self.register.first_ms is not None and self.register.first_ms < self.high

    def billed(self, wh):
        return nearest(wh * self.multiplier, 1000)

    def pieces(self, low, high):
        return self.register.pieces(max(low, self.low), min(high, self.high))

    def entries(self):
        """What the bill shows of it: if no stretch moves in its part, one that stands still."""
        if not self.shows:
            return []
        begin = max(self.low, self.register.first_ms)
        high = min(self.high, self.register.last_ms) if self.open_end else self.high
        pieces = self.pieces(begin, high)
        if pieces:
            return pieces
        standing = self.register.shown(begin)
        return [(begin, max(begin, high), standing, standing)]

    def use(self, low, high):
        """Net Wh between two instants."""
        return self.sign * sum(self.billed(closing) - self.billed(opening) for _, _, opening, closing in self.pieces(low, high))


class Bill:
    def __init__(self, source):
        self.source = source
        self.clock = clock_of(source["zone"])
        self.currency = source["currency"]
        self.reasons = []  # (code, device or None, instant)
        self.segments = []
        self._period()
        self.meters = [Meter(meter, self.clock) for meter in source["meters"]]
        self._begin()
        self.meters = sorted((m for m in self.meters if m.clip(self.low, self.high)), key=lambda m: m.low)
        self._end()

    def _period(self):
        year, month = map(int, self.source["month"].split("-"))
        first, after = month_days(year, month)
        self.month_days = (after - first).days
        self.first_day, self.after_day = first, after
        if self.source.get("from"):
            self.first_day = max(first, date.fromisoformat(self.source["from"]))
        if self.source.get("to"):
            self.after_day = min(after, date.fromisoformat(self.source["to"]))
        self.low, self.high = self.clock.day_start(self.first_day), self.clock.day_start(self.after_day)

    def _begin(self):
        """A first month is from the local day of the first reading."""
        self.begin = min((m.begins for m in self.meters if m.begins is not None), default=None)
        self.measured = self.begin is not None and self.begin < self.high
        if self.measured and self.begin > self.low:
            self.first_day = self.clock.day_of(self.begin)
            self.low = self.clock.day_start(self.first_day)

    def _end(self):
        """A running month reaches to its last reading; after the last reading of a month that is over, use may go on."""
        self.running = instant_ms(self.source["now"]) < self.high
        self.until = self.high
        if self.running:
            known = [min(m.high, m.register.last_ms) for m in self.meters if m.shows and m.register.last_ms >= m.low]
            self.until = max(known + [self.low])
            for meter in self.meters:
                meter.open_end = meter.high == self.high
        average = self.source.get("average_kwh_per_day")
        last = [m for m in self.meters if m.high == self.high]
        if average is not None and not self.running and len(last) == 1 and last[0].sign > 0:
            last[0].go_on(scaled(average, 3), self.high)

    # --- segments --------------------------------------------------------------------------------------------------

    def _segments(self):
        versions = [(date.fromisoformat(t["from"]), Tariff(t["version"], t["tariff"])) for t in self.source["tariffs"]]
        cuts = [self.first_day] + [day for day, _ in versions[1:] if self.first_day < day < self.after_day] + [self.after_day]
        for day, after in zip(cuts, cuts[1:]):
            tariff = [t for begin, t in versions if begin <= day or t is versions[0][1]][-1]
            days = (after - day).days if self.measured else 0
            low, high = self.clock.day_start(day), self.clock.day_start(after)
            segment = Segment(tariff, days, self.month_days, sum(m.use(low, high) for m in self.meters))
            segment.low, segment.high = low, high
            self.segments.append(segment)
            self._measure(segment)
        self._no_less_than_nothing()

    def _measure(self, segment):
        tariff, until = segment.tariff, min(segment.high, self.until)
        segment.windows = [Window(source, tariff.holidays, self.clock) for source in tariff.windows]
        if tariff.demand:
            segment.demand = Demand(tariff.demand, self.clock)
        for part in segment.windows + ([segment.demand] if tariff.demand else []):
            part.measure(self.meters, segment.low, until)

    def _no_less_than_nothing(self):
        """No use is billed below zero: what the month's net had come to by then counts."""
        net, billed = 0, 0
        for segment in self.segments:
            net += segment.net_wh
            if net < 0 and not any(code == "negative_use" for code, _, _ in self.reasons):
                self.reasons.append(("negative_use", None, segment.high))
            segment.use_wh, billed = max(net, 0) - billed, max(net, 0)

    # --- what is not known -----------------------------------------------------------------------------------------

    def reason(self, code, meter, at):
        self.reasons.append((code, meter.id if meter else None, at))

    def _estimates(self):
        cuts = [s.low for s in self.segments[1:]]
        for meter in self.meters:
            if not meter.shows:
                self._silent(meter)
                continue
            ends = [] if meter.open_end else [meter.high]
            for edge in [meter.low] + [cut for cut in cuts if meter.low < cut < meter.high] + ends:
                gap = meter.register.gap_at(edge)
                if gap and gap[1] - gap[0] > HOUR_MS:
                    self.reason("gap_at_boundary", meter, edge)
            for event in meter.register.events:
                if not event.known and event.since_ms < meter.high and event.at_ms > meter.low:
                    self.reason("register_" + event.kind, meter, event.at_ms)
            if self._came(meter) and meter.register.first_ms - meter.low > HOUR_MS:
                self.reason("meter_gap", meter, meter.low)
            # What was taken off before the end is not read again: up to an hour is forgiven.
            if not meter.open_end and meter.high - meter.register.last_ms > (HOUR_MS if meter.high < self.high else 0):
                self.reason("no_reading_after_end", meter, meter.high)
        if self.measured:
            self._without_meter()

    def _came(self, meter):
        """Whether it came in the middle of what the account is measured for."""
        return meter.low > self.low and self.begin < meter.low

    def _silent(self, meter):
        """No reading before its part ends."""
        if not self.measured:
            return
        if meter.register.first_ms is None and self.running:
            return
        if meter.register.first_ms is None:
            self.reason("no_reading_after_end", meter, meter.high)
        elif self._came(meter) and meter.high - meter.low > HOUR_MS:
            self.reason("meter_gap", meter, meter.low)

    def _without_meter(self):
        """More than an hour in which no meter of the account's own serves, or none for one that went."""
        covered = max(self.low, self.begin)
        for meter in self.meters:
            if meter.sign > 0:
                if meter.low - covered > HOUR_MS:
                    self.reason("meter_gap", meter, meter.low)
                covered = max(covered, meter.high)
        if not self.running and self.high - covered > HOUR_MS:
            self.reason("meter_gap", None, self.high)
        for meter in self.meters:
            went = self._predecessor(meter)
            if went is not None and meter.low - went.high > HOUR_MS:
                self.reason("meter_gap", meter, meter.low)

    # --- meters in turn --------------------------------------------------------------------------------------------

    def _predecessor(self, came):
        """The meter of the same sign that went last before another came."""
        if came.low <= self.low or not came.shows:
            return None
        before = [m for m in self.meters if m is not came and m.sign == came.sign and m.shows and m.high <= came.low]
        return max(before, key=lambda m: m.high, default=None)

    def events(self):
        found = []
        for meter in self.meters:
            for event in meter.register.events if meter.shows else []:
                if meter.low < event.at_ms <= meter.high:
                    found.append((event.at_ms, event.kind, meter.id, event.before_wh, event.after_wh))
            went = self._predecessor(meter)
            if went is not None:
                found.append((meter.low, "swap", meter.id, went.register.shown(went.high), meter.register.shown(meter.low)))
        return sorted(found)

    # --- the whole -------------------------------------------------------------------------------------------------

    def compute(self):
        self._segments()
        self._estimates()
        pricer = Pricer(self.segments, DIGITS.get(self.currency, 2), self.currency,
                        scaled(self.source.get("sanctioned_load_kw") or 0, 3))
        pricer.price()
        bill = self.write(pricer)
        if self.running:
            bill["projection"] = self.projection(pricer)
        return bill

    # --- the running month -----------------------------------------------------------------------------------------

    def projection(self, pricer):
        """What the month will come to if the use so far goes on, and if it is less or more by what the days differ. In whole Wh a day."""
        begin = self.begin if self.measured and self.begin > self.low else self.low
        used = sum(s.net_wh for s in self.segments)
        span = max(HOUR_MS, self.until - begin)
        a_day = nearest(used * DAY_MS, span)
        full = [wh for low, high, wh in self._day_uses() if low >= begin and high <= self.until]
        if len(full) < 2:
            apart = nearest(abs(a_day), 2)
        else:
            mean = nearest(sum(full), len(full))
            apart = nearest(sum(abs(wh - mean) for wh in full), len(full))
        least = max(0, a_day - apart) if a_day >= 0 else a_day - apart
        total, wh = self._projected(pricer, used, used, span)
        ends = [self._projected(pricer, used, rate, DAY_MS)[0] for rate in (least, a_day + apart)]
        return {"total": pricer.money(total), "low": pricer.money(min(ends + [total])), "high": pricer.money(max(ends + [total])),
                "consumption_kwh": kwh(wh)}

    def _projected(self, pricer, used, rate_wh, rate_ms):
        """Total and use of the month if from now on rate_wh are used every rate_ms."""
        copies, before, highest, net = [], 0, None, 0
        for s in self.segments:
            net += s.net_wh
            end = used + nearest(rate_wh * (s.high - self.until), rate_ms) if s.high > self.until else net
            coming = Segment(s.tariff, s.days, s.month_days, max(0, end) - max(0, before))
            coming.net_wh = end - before
            coming.windows = [self._window_to_come(w, used, end - before - s.net_wh) for w in s.windows]
            coming.demand = s.demand and (s.demand if s.demand.kw is not None else highest)
            if coming.demand and (highest is None or coming.demand.kw >= highest.kw):
                highest = coming.demand
            copies.append(coming)
            before = end
        other = Pricer(copies, pricer.digits, self.currency, pricer.load_w)
        other.price()
        lines = [line for s in copies for line in s.lines] + other.true_ups(self.source.get("true_ups", []))
        total = sum(line.amount for line in lines)
        rounding = other.rounding(total)
        return total + (rounding.amount if rounding else 0), before

    def _window_to_come(self, window, used, more):
        """It has of what comes the part that it has of the use so far."""
        so_far, coming = copy(window), copy(window)
        so_far.measure(self.meters, self.low, self.until)
        if used != 0:
            coming.use_wh += nearest(more * so_far.use_wh, used) if used > 0 else nearest(-more * so_far.use_wh, -used)
        return coming

    def write(self, pricer):
        lines = [line for segment in self.segments for line in segment.lines] + pricer.true_ups(self.source.get("true_ups", []))
        subtotal = sum(line.amount for line in lines if line.kind != "tax")
        tax = sum(line.amount for line in lines if line.kind == "tax")
        rounding = pricer.rounding(subtotal + tax)
        total = subtotal + tax + (rounding.amount if rounding else 0)
        registers = [(meter, *entry) for meter in self.meters for entry in meter.entries()]
        text = self.clock.text
        bill = {
            "device_id": self.source["device_id"],
            "account_id": self.source["account_id"],
            "month": self.source["month"],
            "from": text(self.low),
            "to": text(self.until),
            "consumption_kwh": kwh(sum(s.net_wh for s in self.segments)),
            "estimated": bool(self.reasons),
            "reasons": sorted({code for code, _, _ in self.reasons}),
            "explanations": [{"reason": code, "device_id": device, "at": text(at)} for code, device, at in dict.fromkeys(self.reasons)],
            "registers": [self.write_register(*entry) for entry in registers],
            "events": [{"at": text(at), "kind": kind, "device_id": device, "before_kwh": kwh(before), "after_kwh": kwh(after)}
                       for at, kind, device, before, after in self.events()],
            "subtotal": pricer.money(subtotal),
            "tax": pricer.money(tax),
            "total": pricer.money(total),
            "currency": self.currency,
            "segments": [],
            "days": self.days(),
        }
        one = registers and self.one_at_a_time()
        bill["opening_kwh"] = kwh(registers[0][3]) if one else None
        bill["closing_kwh"] = kwh(registers[-1][4]) if one else None
        edits = sorted(((at, no, edit) for meter in self.meters for at, no, edit in meter.write_edits()), key=lambda e: e[:2])
        if edits:
            bill["edits"] = [edit for _, _, edit in edits]
        first_line = 0
        for s in self.segments:
            entry = {
                "tariff": s.tariff.name, "version": s.tariff.version, "effective_from": s.tariff.effective_from,
                "from": text(s.low), "to": text(s.high), "days": s.days, "month_days": s.month_days,
                "consumption_kwh": kwh(s.net_wh), "first_line": first_line, "line_count": len(s.lines)}
            if s.windows:
                entry["windows"] = [{"name": w.name, "kwh": kwh(w.use_wh), "untimed_kwh": kwh(w.untimed_wh)} for w in s.windows]
            if s.demand:
                d = s.demand
                entry["demand"] = None if d.kw is None else {"kw": Decimal(d.kw).scaleb(-2), "from": text(d.low), "to": text(d.high),
                                                             "skipped": d.skipped}
            bill["segments"].append(entry)
            first_line += len(s.lines)
        bill["lines"] = [{"kind": line.kind, "name": line.name, "quantity": line.quantity, "unit": line.unit, "rate": line.rate,
                          "amount": pricer.money(line.amount)} for line in lines + ([rounding] if rounding else [])]
        return bill

    def _day_uses(self):
        """The calendar days that were measured: begin, end, Wh; the last one may be cut."""
        day = self.first_day
        while self.measured and self.clock.day_start(day) < self.until:
            low, high = self.clock.day_start(day), self.clock.day_start(day + timedelta(days=1))
            yield low, high, sum(m.use(low, min(high, self.until)) for m in self.meters)
            day += timedelta(days=1)

    def days(self):
        return [{"date": self.clock.day_of(low).isoformat(), "kwh": kwh(wh)} for low, _, wh in self._day_uses()]

    def one_at_a_time(self):
        spans = sorted((m.low, m.high) for m in self.meters if m.shows)
        return all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))

    def write_register(self, meter, low, high, opening, closing):
        entry = {"device_id": meter.id, "from": self.clock.text(low), "to": self.clock.text(high),
                 "opening_kwh": kwh(opening),
                 "closing_kwh": kwh(closing), "use_kwh": kwh(meter.sign * (meter.billed(closing) - meter.billed(opening)))}
        if meter.sign != 1:
            entry["sign"] = meter.sign
        if meter.multiplier != 1000:
            entry["multiplier"] = kwh(meter.multiplier)
        return entry


def bill(case_input):
    """The bill; or {"error"} where a number of it does not fit into 64 bits, of which the C program must refuse to write any."""
    exact.largest = 0
    found = Bill(case_input).compute()
    return found if exact.largest < 2**63 else {"error": "a number does not fit"}
