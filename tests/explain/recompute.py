#!/usr/bin/env python3
"""Computes bills again from their explanations alone, and compares every figure.

    recompute.py PROGRAM COUNT [FIRST_SEED]   PROGRAM prints explanations of random months, one a line (explain_cases)
    recompute.py -                            explanations from standard input, one JSON object each line

Shares no code with the program: exact fractions, written from docs/billing.md. It uses what an explanation says of readings,
meters, segments and tariffs, and never the bill inside it, which is only what the results are compared with.
"""
import collections
import datetime
import json
import subprocess
import sys
from fractions import Fraction

DIGITS = {"JPY": 0, "KWD": 3}
TAXABLE = ["energy", "time_of_day", "demand", "fixed", "surcharge", "minimum", "true_up"]


class Wrong(Exception):
    """What an explanation says does not follow from what else it says."""


def same(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: computed {got}, explained {wanted}")


def nearest(value):
    """Half away from zero."""
    value = Fraction(value)
    whole = (abs(value) * 2 + 1) // 2
    return int(whole if value >= 0 else -whole)


def wh(kwh):
    value = Fraction(str(kwh)) * 1000
    if value.denominator != 1:
        raise Wrong(f"{kwh} kWh are no whole Wh")
    return int(value)


def ms(text):
    at = datetime.datetime.fromisoformat(text)
    return int((at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) / datetime.timedelta(milliseconds=1))


class Month:
    def __init__(self, told):
        self.told = told
        self.bill = told["bill"]
        self.digits = DIGITS.get(self.bill["currency"], 2)
        self.lines = []  # (kind, amount in minor units) as computed here

    def money(self, text):
        return nearest(Fraction(text) * 10**self.digits)

    def minor(self, amount):
        """An amount in whole units of the currency, rounded once."""
        return nearest(Fraction(amount) * 10**self.digits)

    # ---- registers ----
    def edge(self, edge, modulus):
        at = ms(edge["at"])
        before, after = edge.get("before"), edge.get("after")
        for point in (before, after):
            if point and wh(point["kwh"]) > modulus:
                same("the register shown", (wh(point["kwh"]) - 1) % modulus + 1, wh(point["shown_kwh"]))
        made = before is not None and before.get("rule") == "register.average"
        if made:
            # Even use from the meter's last reading to this instant, by the average × the time, through the multiplier.
            last, passed = edge["last"], Fraction(at - ms(edge["last"]["at"]), 86400000)
            register = wh(last["kwh"]) + nearest(wh(edge["average_day_kwh"]) * passed / self.multiplier)
            same("where the average leads", register, wh(before["kwh"]))
        elif before is None:
            register = wh(after["kwh"])
        elif after is None:
            register = wh(before["kwh"])
        else:
            a, b = ms(before["at"]), ms(after["at"])
            if not a <= at <= b:
                raise Wrong("an edge is not between its readings")
            register = wh(before["kwh"]) + nearest(Fraction((wh(after["kwh"]) - wh(before["kwh"])) * (at - a), b - a))
        rule = ("register.before_first" if before is None else
                "register.read" if ms(before["at"]) == at else
                "register.after_last" if after is None else "register.between")
        if made:
            rule = "register.average"
        if edge["rule"] != "register.from_zero":
            same("the rule of an edge", rule, edge["rule"])
        same("an edge", register, wh(edge["kwh"]))
        return at, register

    def measure(self):
        """Use by segment, from the meters' registers at the edges."""
        self.use = [0] * len(self.told["segments"])
        by_device = collections.Counter()
        for meter in self.told["meters"]:
            multiplier = self.multiplier = Fraction(str(meter["multiplier"]))
            for stretch in meter["stretches"]:
                edges = [(at, nearest(register * multiplier))
                         for at, register in (self.edge(e, wh(meter["modulus_kwh"])) for e in stretch["edges"])]
                same("counted", [wh(e["counted_kwh"]) for e in stretch["edges"]], [counted for _, counted in edges])
                for (a, opening), (b, closing) in zip(edges, edges[1:]):
                    use = meter["sign"] * (closing - opening)
                    by_device[meter["device_id"]] += use
                    self.use[self.segment_at(a, b)] += use
        billed = collections.Counter()
        for register in self.bill["registers"]:
            billed[register["device_id"]] += wh(register["use_kwh"])
        same("use by meter", {k: v for k, v in by_device.items() if v}, {k: v for k, v in billed.items() if v})
        same("consumption", sum(self.use), wh(self.bill["consumption_kwh"]))

    def segment_at(self, a, b):
        for i, segment in enumerate(self.told["segments"]):
            if ms(segment["from"]) <= a and b <= ms(segment["to"]):
                return i
        raise Wrong("a stretch of use lies in no segment")

    # ---- lines ----
    def add(self, kind, name, amount, always=False):
        if amount or always:
            self.lines.append((kind, name, amount, self.segment))

    def total_of(self, kinds):
        return sum(amount for kind, _, amount, segment in self.lines if kind in kinds and segment == self.segment)

    def bound(self, slab, days):
        if slab["up_to_kwh"] is None:
            return None
        bound = wh(slab["up_to_kwh"])
        return nearest(Fraction(bound * days, self.month_days)) if self.tariff.get("prorate_slabs") else bound

    def kwh(self, energy_wh):
        return f"{energy_wh // 1000}.{energy_wh % 1000:03d}".rstrip("0").rstrip(".")

    def slab_name(self, lower, upper):
        if upper is not None:
            return f"{self.kwh(lower)}-{self.kwh(upper)} kWh"
        return f"over {self.kwh(lower)} kWh" if lower else "all kWh"

    def energy(self, start, end):
        whole = self.tariff["slab_mode"] == "whole_use"
        sign = 1 if start <= end else -1
        low, high = min(start, end), max(start, end)
        lower = 0
        for slab in self.tariff["slabs"]:
            upper = self.bound(slab, self.bill_days if whole else self.days)
            if whole:
                part = high - low if upper is None or self.month_use <= upper else 0
            else:
                part = max(0, (high if upper is None else min(high, upper)) - max(low, lower))
            if part:
                amount = self.minor(Fraction(sign * part, 1000) * Fraction(slab["rate"]))
                self.add("energy", self.slab_name(lower, upper), amount)
            if whole and (upper is None or self.month_use <= upper):
                return
            lower = upper

    def time_of_day(self, told):
        use = wh(told["used_until_kwh"]) - wh(told["used_before_kwh"])
        signs = {meter["device_id"]: meter["sign"] for meter in self.told["meters"]}
        energy = self.total_of(["energy"])
        same("windows", [w["name"] for w in told.get("windows", [])], [w["name"] for w in self.tariff.get("time_of_day", [])])
        for terms, window in zip(self.tariff.get("time_of_day", []), told.get("windows", [])):
            timed = untimed = 0
            end = None
            for time in sorted(window["times"], key=lambda t: (t["device_id"], ms(t["from"]))):
                if end is not None and end[0] == time["device_id"] and ms(time["from"]) < end[1]:
                    raise Wrong("a window holds twice at once")
                end = time["device_id"], ms(time["to"])
                if not ms(told["from"]) <= ms(time["from"]) < ms(time["to"]) <= ms(told["to"]):
                    raise Wrong("a window holds outside of its segment")
                loose = wh(time["untimed_kwh"])
                counted = wh(time["counted_to_kwh"]) - wh(time["counted_from_kwh"])
                untimed += signs[time["device_id"]] * loose
                timed += signs[time["device_id"]] * (counted - loose)
            same("a window's use", timed, wh(window["kwh"]))
            same("what is untimed", untimed, wh(window["untimed_kwh"]))
            if use:
                part = Fraction(energy * timed, use)
                self.add("time_of_day", terms["name"], nearest(part * Fraction(terms["percent"]) / 100))

    def demand(self, told, share):
        if "demand" not in self.tariff:
            return same("demand", told.get("demand"), None)
        demand = told["demand"]
        if demand["rule"] == "demand.none":
            return
        start, end = ms(demand["from"]), ms(demand["to"])
        same("a demand's window", end - start, demand["window_minutes"] * 60000)
        use = 0
        moduli = {meter["device_id"]: wh(meter["modulus_kwh"]) for meter in self.told["meters"]}
        for meter in demand["meters"]:
            self.multiplier = Fraction(str(meter["multiplier"]))
            edges = [self.edge(edge, moduli[meter["device_id"]]) for edge in meter["edges"]]
            same("a demand's edges", [at for at, _ in edges], [start, end])
            counted = [nearest(register * self.multiplier) for _, register in edges]
            use += meter["sign"] * (counted[1] - counted[0])
        centi = nearest(Fraction(max(0, use) * 360000, end - start))
        same("the demand", centi, nearest(Fraction(str(demand["kw"])) * 100))
        self.add("demand", "Demand", self.minor(Fraction(centi, 100) * Fraction(self.tariff["demand"]["rate_per_kw"]) * share))

    def price(self, i):
        told = self.told["segments"][i]
        self.segment, self.tariff = i, told["tariff"]
        self.days, self.month_days = told["days"], told["month_days"]
        same("used before", sum(self.use[:i]), wh(told["used_before_kwh"]))
        same("used until", sum(self.use[:i + 1]), wh(told["used_until_kwh"]))
        start, end = max(0, sum(self.use[:i])), max(0, sum(self.use[:i + 1]))
        if self.tariff.get("prorate_slabs") and self.tariff["slab_mode"] == "telescopic":
            start, end = 0, max(0, end - start)
        share = Fraction(self.days, self.month_days)
        self.energy(start, end)
        self.time_of_day(told)
        self.demand(told, share)
        self.add("fixed", "Fixed charge", self.minor(Fraction(self.tariff["fixed_charge"]) * share), True)
        if "fixed_per_kw" in self.tariff:
            load = [Fraction(str(line["sanctioned_load_kw"])) for line in self.told["lines"] if "sanctioned_load_kw" in line]
            self.add("fixed", "Fixed charge per kW of sanctioned load",
                     self.minor(Fraction(self.tariff["fixed_per_kw"]) * load[0] * share), True)
        for surcharge in self.tariff.get("surcharges", []):
            if "per_kwh" in surcharge:
                amount = self.minor(Fraction(end - start, 1000) * Fraction(surcharge["per_kwh"]))
            else:
                amount = nearest(self.total_of(["energy", "time_of_day"]) * Fraction(surcharge["percent"]) / 100)
            self.add("surcharge", surcharge["name"], amount)
        if "minimum_charge" in self.tariff:
            minimum = self.minor(Fraction(self.tariff["minimum_charge"]) * share)
            self.add("minimum", "Minimum charge",
                     max(0, minimum - self.total_of(["energy", "time_of_day", "demand", "fixed"])))
        for tax in self.tariff["taxes"]:
            amount = nearest(self.total_of(tax.get("on", TAXABLE)) * Fraction(tax["percent"]) / 100)
            self.add("tax", tax["name"], amount)

    def correct(self):
        """Corrections of other months: worked out there, so taken as told; they are in no tax and no segment."""
        self.segment = None
        for line in self.told["lines"]:
            if line["rule"] in ("true_up", "true_up.tax"):
                same("a correction's kind", line["kind"], "true_up" if line["rule"] == "true_up" else "tax")
                self.add(line["kind"], line["name"], self.money(line["amount"]))

    def round_total(self):
        subtotal = sum(amount for kind, _, amount, _ in self.lines if kind != "tax")
        tax = sum(amount for kind, _, amount, _ in self.lines if kind == "tax")
        step = self.minor(Fraction(self.tariff.get("round_total_to", "0")))
        rounding = nearest(Fraction(subtotal + tax, step)) * step - subtotal - tax if step > 1 else 0
        self.segment = None
        self.add("rounding", "Rounding", rounding)
        for where in (self.bill, self.told["totals"]):
            same("subtotal", subtotal, self.money(where["subtotal"]))
            same("tax", tax, self.money(where["tax"]))
            same("total", subtotal + tax + rounding, self.money(where["total"]))

    # ---- what is said of a line ----
    def check_line(self, at, told, mine, billed):
        same("a line", (told["kind"], told["name"], self.money(told["amount"]), told["segment"]), mine)
        same("the bill's line", (billed["kind"], billed["name"], self.money(billed["amount"])), mine[:3])
        if "of_lines" in told and told["kind"] != "time_of_day":
            base = sum(self.money(self.bill["lines"][i]["amount"]) for i in told["of_lines"])
            same("the base of a line", base, self.money(billed["quantity"]))
            if any(i >= at or self.told["lines"][i]["segment"] != told["segment"] for i in told["of_lines"]):
                raise Wrong("a line is of one that is not before it in its segment")
        if "from_kwh" in told:
            same("a line's place", wh(told["to_kwh"]) - wh(told["from_kwh"]), wh(billed["quantity"]))
        if told["kind"] == "energy" and told["rule"] in ("energy.telescopic", "energy.prorated"):
            inside = [wh(told[k]) for k in ("from_kwh", "to_kwh")]
            upper = told["slab_to_kwh"]
            if min(inside) < wh(told["slab_from_kwh"]) or (upper is not None and max(inside) > wh(upper)):
                raise Wrong("a part lies outside of its slab")

    # ---- the running month ----
    def check_projection(self):
        told = self.told.get("projection")
        if not self.told["period"]["running"]:
            return same("a projection", told, None)
        day = 86400
        passed, rest = Fraction(str(told["passed_s"])), Fraction(str(told["rest_s"]))
        so_far = wh(told["so_far_kwh"])
        mean = nearest(so_far * day / passed)
        same("mean", mean, wh(told["mean_day_kwh"]))
        days = [wh(d) for d in told["full_days_kwh"]]
        if len(days) >= 2:
            own = nearest(Fraction(sum(days), len(days)))
            spread = nearest(Fraction(sum(abs(d - own) for d in days), len(days)))
        else:
            spread = nearest(Fraction(abs(mean), 2))
        same("spread", spread, wh(told["spread_kwh"]))
        low = mean - spread
        same("low day", max(0, low) if mean >= 0 else low, wh(told["low_day_kwh"]))
        same("high day", mean + spread, wh(told["high_day_kwh"]))
        same("projected use", so_far + nearest(so_far * rest / passed), wh(told["consumption_kwh"]))
        for key in ("low", "total", "high"):
            same(key, told[key], self.bill["projection"][key])
        if not self.money(told["low"]) <= self.money(told["total"]) <= self.money(told["high"]):
            raise Wrong("the projection lies outside of its range")

    def check(self):
        self.measure()
        self.bill_days = sum(segment["days"] for segment in self.told["segments"])
        self.month_use = max(0, sum(self.use))
        same("days", self.bill_days, self.told["period"]["days"])
        for i in range(len(self.told["segments"])):
            self.price(i)
        self.correct()
        self.round_total()
        same("how many lines", len(self.told["lines"]), len(self.lines))
        same("how many lines are billed", len(self.bill["lines"]), len(self.lines))
        for at, (told, mine) in enumerate(zip(self.told["lines"], self.lines)):
            same("a line's number", told["line"], at)
            self.check_line(at, told, mine, self.bill["lines"][at])
        self.check_projection()
        named = set(find_rules({k: v for k, v in self.told.items() if k not in ("rules", "bill")}))
        missing = named - {rule["rule"] for rule in self.told["rules"]}
        if missing:
            raise Wrong(f"no sentence for {missing}")


def find_rules(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "rule":
                yield inner
            else:
                yield from find_rules(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find_rules(inner)


def check_all(stream, seen):
    wrong = 0
    for number, line in enumerate(stream):
        told = json.loads(line, parse_float=str)
        try:
            Month(told).check()
        except Wrong as error:
            wrong += 1
            print(f"case {number}: {error}", file=sys.stderr)
        seen.update(rule["rule"] for rule in told["rules"])
        seen["cases"] += 1
    return wrong


def main():
    seen = collections.Counter()
    if sys.argv[1:] == ["-"]:
        wrong = check_all(sys.stdin, seen)
    elif len(sys.argv) in (3, 4):
        first = sys.argv[3] if len(sys.argv) == 4 else "1"
        with subprocess.Popen([sys.argv[1], first, sys.argv[2]], stdout=subprocess.PIPE, text=True) as program:
            wrong = check_all(program.stdout, seen)
            wrong += program.wait() != 0
        # A case that is never met tests nothing.
        cases = seen["cases"]
        wrong += cases != int(sys.argv[2])
        if cases >= 1000:
            for rule in rules_of_the_program():
                if not seen[rule]:
                    print(f"no case met the rule {rule}", file=sys.stderr)
                    wrong += 1
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"{seen['cases']} explanations, {wrong} wrong")
    return 1 if wrong or not seen["cases"] else 0


def rules_of_the_program():
    import pathlib
    import re
    source = pathlib.Path(__file__).resolve().parents[2] / "backend/billing/explain_rule.def"
    return re.findall(r'SM_RULE\(\w+, "([^"]+)"', source.read_text())


if __name__ == "__main__":
    sys.exit(main())
