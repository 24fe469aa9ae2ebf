"""A tariff version over a segment of a month: its lines. Money in minor units, rates in millionths, energy in Wh."""
from exact import nearest, scaled, text_of

MICRO = 10**6
TAXABLE = ("energy", "time_of_day", "demand", "fixed", "surcharge", "minimum", "true_up")


class Line:
    def __init__(self, kind, name, quantity, unit, rate, amount):
        self.kind, self.name, self.quantity, self.unit, self.rate, self.amount = kind, name, quantity, unit, rate, amount


class Tariff:
    """The contract's JSON in whole numbers."""

    def __init__(self, version, source):
        self.version = version
        self.name = source["name"]
        self.effective_from = source["effective_from"]
        # An open end is None; bounds in Wh.
        self.slabs = [(None if s["up_to_kwh"] is None else scaled(s["up_to_kwh"], 3), scaled(s["rate"], 6)) for s in source["slabs"]]
        self.whole_use = source.get("slab_mode", "telescopic") == "whole_use"
        self.prorate = source.get("prorate_slabs", False)
        self.fixed = scaled(source.get("fixed_charge", "0"), 6)
        self.has_fixed_per_kw = "fixed_per_kw" in source
        self.fixed_per_kw = scaled(source.get("fixed_per_kw", "0"), 6)
        self.minimum = scaled(source.get("minimum_charge", "0"), 6)
        self.surcharges = source.get("surcharges", [])
        self.taxes = source.get("taxes", [])
        self.round_to = scaled(source.get("round_total_to", "0"), 6)
        self.windows = source.get("time_of_day", [])
        self.holidays = set(source.get("holidays", []))
        self.demand = source.get("demand")

    def bounds(self, days, month_days):
        """Slabs as (lower, upper or None, rate) for so many days of the month."""
        found, low = [], 0
        for upper, rate in self.slabs:
            if upper is not None and self.prorate:
                upper = nearest(upper * days, month_days)
            found.append((low, upper, rate))
            low = upper
        return found


def slab_name(low, upper):
    if upper is None:
        return "all kWh" if low == 0 else f"over {text_of(low, 3, 0)} kWh"
    return f"{text_of(low, 3, 0)}-{text_of(upper, 3, 0)} kWh"


class Segment:
    """What was measured in a part of the month, and by which version it is priced."""

    def __init__(self, tariff, days, month_days, use_wh):
        self.tariff, self.days, self.month_days, self.use_wh = tariff, days, month_days, use_wh  # to be billed: never below zero
        self.net_wh = use_wh  # as measured
        self.windows = []  # Window
        self.demand = None  # Demand
        self.lines = []


class Pricer:
    """Prices the segments of one month in their order."""

    def __init__(self, segments, digits, currency, load_w):
        self.segments, self.digits, self.currency, self.load_w = segments, digits, currency, load_w
        self.unit = 10**digits  # minor units of one
        self.bill_days = sum(s.days for s in segments)
        self.month_wh = sum(s.use_wh for s in segments)

    def money(self, minor):
        return text_of(minor, self.digits, self.digits)

    def rate(self, micro):
        return text_of(micro, 6, 2)

    def price(self):
        position = 0
        for segment in self.segments:
            start, position = position, position + segment.use_wh
            if segment.tariff.prorate and not segment.tariff.whole_use:
                segment.use_wh = max(0, segment.use_wh)  # it starts at zero, and nothing is billed below
            self.energy(segment, start)
            self.time_of_day(segment)
            self.demand(segment)
            self.fixed(segment)
            self.surcharges(segment)
            self.minimum(segment)
            self.taxes(segment)

    def add(self, segment, kind, name, quantity, unit, rate, amount, always=False):
        if amount != 0 or always:
            segment.lines.append(Line(kind, name, quantity, unit, self.rate(rate), amount))

    def total(self, segment, kinds):
        return sum(line.amount for line in segment.lines if line.kind in kinds)

    def energy(self, segment, position):
        tariff = segment.tariff
        if tariff.whole_use:
            bounds = tariff.bounds(self.bill_days, segment.month_days)
            for low, upper, rate in bounds:
                if upper is None or self.month_wh <= upper:
                    self.energy_line(segment, low, upper, rate, segment.use_wh)
                    return
        # A net that falls again gives back at the rates of the slabs that it falls through.
        start = 0 if tariff.prorate else position
        end = start + segment.use_wh
        for low, upper, rate in tariff.bounds(segment.days, segment.month_days):
            inside = [max(low, at) if upper is None else max(low, min(upper, at)) for at in (start, end)]
            self.energy_line(segment, low, upper, rate, inside[1] - inside[0])

    def energy_line(self, segment, low, upper, rate, wh):
        amount = nearest(wh * rate * self.unit, 1000 * MICRO)
        self.add(segment, "energy", slab_name(low, upper), text_of(wh, 3, 3), "kWh", rate, amount)

    def time_of_day(self, segment):
        base = self.total(segment, ("energy",))
        for window in segment.windows:
            if segment.net_wh == 0:
                continue
            percent = scaled(window.source["percent"], 6)
            part = text_of(nearest(base * window.use_wh * 10 ** (6 - self.digits), segment.net_wh), 6, self.digits)
            amount = nearest(base * window.use_wh * percent, segment.net_wh * 100 * MICRO)
            self.add(segment, "time_of_day", window.name, part, "percent", percent, amount)

    def demand(self, segment):
        if segment.demand is None or segment.demand.kw is None:
            return
        kw, rate = segment.demand.kw, scaled(segment.tariff.demand["rate_per_kw"], 6)
        share = text_of(nearest(kw * segment.days * 10**4, segment.month_days), 6, 2)
        top, under = self.monthly(rate, segment)
        self.add(segment, "demand", "Demand", share, "kW", rate, nearest(top * kw, under * 100))

    def monthly(self, micro, segment):
        """A charge a month for the segment's days: numerator and denominator in minor units."""
        return micro * self.unit * segment.days, MICRO * segment.month_days

    def fixed(self, segment):
        tariff = segment.tariff
        share = text_of(nearest(segment.days * MICRO, segment.month_days), 6, 0)
        self.add(segment, "fixed", "Fixed charge", share, "month", tariff.fixed, nearest(*self.monthly(tariff.fixed, segment)), True)
        if tariff.has_fixed_per_kw:
            top, under = self.monthly(tariff.fixed_per_kw, segment)
            share = text_of(nearest(self.load_w * segment.days * 1000, segment.month_days), 6, 2)
            self.add(segment, "fixed", "Fixed charge per kW of sanctioned load", share, "kW",
                     tariff.fixed_per_kw, nearest(top * self.load_w, under * 1000), True)

    def surcharges(self, segment):
        base = self.total(segment, ("energy", "time_of_day"))
        for surcharge in segment.tariff.surcharges:
            if "per_kwh" in surcharge:
                rate = scaled(surcharge["per_kwh"], 6)
                amount = nearest(segment.use_wh * rate * self.unit, 1000 * MICRO)
                self.add(segment, "surcharge", surcharge["name"], text_of(segment.use_wh, 3, 3), "kWh", rate, amount)
            else:
                self.per_cent(segment, "surcharge", surcharge["name"], base, scaled(surcharge["percent"], 6))

    def per_cent(self, segment, kind, name, base, percent):
        self.add(segment, kind, name, self.money(base), "percent", percent, nearest(base * percent, 100 * MICRO))

    def minimum(self, segment):
        base = self.total(segment, ("energy", "time_of_day", "demand", "fixed"))
        least = nearest(*self.monthly(segment.tariff.minimum, segment))
        if base < least and segment.tariff.minimum > 0:
            self.add(segment, "minimum", "Minimum charge", self.money(base), self.currency, least * MICRO // self.unit, least - base)

    def taxes(self, segment):
        bases = [self.total(segment, tax.get("on", TAXABLE)) for tax in segment.tariff.taxes]
        for tax, base in zip(segment.tariff.taxes, bases):
            self.per_cent(segment, "tax", tax["name"], base, scaled(tax["percent"], 6))

    def true_ups(self, source):
        """What other months turned out to be: lines of their own, and their taxes."""
        found = []
        for true_up in source:
            net = scaled(true_up["net"], self.digits)
            about = f"orrection of {true_up['month']}"
            found.append(Line("true_up", "C" + about, "1", "month", self.rate(net * MICRO // self.unit), net))
            for tax in true_up["taxes"]:
                base, percent = scaled(tax["base"], self.digits), scaled(tax["percent"], 6)
                found.append(Line("tax", f"{tax['name']}, c{about}", self.money(base), "percent", self.rate(percent),
                                  scaled(tax["amount"], self.digits)))
        return [line for line in found if line.amount != 0]

    def rounding(self, before):
        """The line that brings the total to the last version's step, if it has one."""
        step = self.segments[-1].tariff.round_to
        if step == 0:
            return None
        total = nearest(nearest(before * MICRO, step * self.unit) * step * self.unit, MICRO)
        if total == before:
            return None
        return Line("rounding", "Rounding", self.money(before), self.currency, self.rate(step), total - before)
