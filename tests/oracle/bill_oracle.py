"""An exact bill from readings and tariffs, written from the rules alone: what the C program's bills are held against.

bill(case_input) takes the `input` of a case in contracts/bills and gives the `bill`, as the contract shows it, without the sentences of
`explanations`. See README.md for what is compared and which rules were decided how."""
from datetime import date, timedelta

from exact import DAY_MS, DIGITS, HOUR_MS, Clock, instant_ms, kwh, month_days, nearest, scaled, text_of
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
        self.edits = source.get("edits", [])
        self.register = Register(self._edited(source["readings"]), judge)

    def _edited(self, readings):
        """The readings with what people said about them."""
        points = [(instant_ms(t), scaled(w, 3), False) for t, w in readings]
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
        pieces = self.pieces(self.low, self.high)
        if pieces or not self.shows:
            return pieces
        standing = self.register.shown(self.low)
        return [(self.low, self.high, standing, standing)]

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
        self._no_less_than_nothing()

    def _no_less_than_nothing(self):
        """No use is billed below zero: what the month's net had come to by then counts."""
        net, billed = 0, 0
        for segment in self.segments:
            segment.net_wh = segment.use_wh
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
            for edge in [meter.low] + [cut for cut in cuts if meter.low < cut < meter.high] + [meter.high]:
                gap = meter.register.gap_at(edge)
                if gap and gap[1] - gap[0] > HOUR_MS:
                    self.reason("gap_at_boundary", meter, edge)
            for event in meter.register.events:
                if not event.known and event.since_ms < meter.high and event.at_ms > meter.low:
                    self.reason("register_" + event.kind, meter, event.at_ms)
            if self._came(meter) and meter.register.first_ms - meter.low > HOUR_MS:
                self.reason("meter_gap", meter, meter.low)
            # What was taken off before the end is not read again: up to an hour is forgiven.
            if meter.high - meter.register.last_ms > (HOUR_MS if meter.high < self.high else 0):
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
        if self.high - covered > HOUR_MS:
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
        return self.write(pricer)

    def write(self, pricer):
        lines = [line for segment in self.segments for line in segment.lines]
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
            "to": text(self.high),
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
            "days": list(self.days()),
        }
        one = registers and self.one_at_a_time()
        bill["opening_kwh"] = kwh(registers[0][3]) if one else None
        bill["closing_kwh"] = kwh(registers[-1][4]) if one else None
        edits = sorted(((at, no, edit) for meter in self.meters for at, no, edit in meter.write_edits()), key=lambda e: e[:2])
        if edits:
            bill["edits"] = [edit for _, _, edit in edits]
        first_line = 0
        for s in self.segments:
            bill["segments"].append({
                "tariff": s.tariff.name, "version": s.tariff.version, "effective_from": s.tariff.effective_from,
                "from": text(s.low), "to": text(s.high), "days": s.days, "month_days": s.month_days,
                "consumption_kwh": kwh(s.net_wh), "first_line": first_line, "line_count": len(s.lines)})
            first_line += len(s.lines)
        bill["lines"] = [{"kind": line.kind, "name": line.name, "quantity": line.quantity, "unit": line.unit, "rate": line.rate,
                          "amount": pricer.money(line.amount)} for line in lines + ([rounding] if rounding else [])]
        return bill

    def days(self):
        """The use of each calendar day that was measured."""
        day = self.first_day
        while self.measured and self.clock.day_start(day) < self.high:
            low, high = self.clock.day_start(day), min(self.high, self.clock.day_start(day + timedelta(days=1)))
            yield {"date": day.isoformat(), "kwh": kwh(sum(m.use(low, high) for m in self.meters))}
            day += timedelta(days=1)

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
    return Bill(case_input).compute()
