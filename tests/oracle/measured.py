"""What is measured besides the use of a segment: time-of-day windows, and the highest demand."""
from bisect import bisect_right
from datetime import timedelta

from exact import DAY_MS, HOUR_MS, nearest

DEMAND_GAP_MS = 5 * 60000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes_of(text):
    hours, minute = text.split(":")
    return int(hours) * 60 + int(minute)


class Window:
    """A time-of-day window of a tariff, over a segment: what was used in it, and what cannot be timed."""

    def __init__(self, source, holidays, clock):
        self.source, self.clock, self.holidays = source, clock, holidays
        self.name, self.days = source["name"], source.get("days")
        self.begin, self.end = minutes_of(source["from"]), minutes_of(source["to"])
        if self.end < self.begin:
            self.end += 24 * 60

    def holds(self, day):
        if self.days is None:
            return True
        return "holiday" in self.days if day.isoformat() in self.holidays else WEEKDAYS[day.weekday()] in self.days

    def spans(self, low, high):
        """Where it holds, around two instants: without an edge where it follows itself at once."""
        found = []
        day, last = self.clock.day_of(low) - timedelta(days=2), self.clock.day_of(high) + timedelta(days=1)
        while day <= last:
            if self.holds(day):
                a, b = self.clock.wall(day, self.begin), self.clock.wall(day, self.end)
                if found and found[-1][1] >= a:
                    found[-1][1] = b
                elif a < b:
                    found.append([a, b])
            day += timedelta(days=1)
        return found

    def measure(self, meters, low, high):
        self.use_wh = self.untimed_wh = 0
        for meter in meters:
            self._measure(meter, max(low, meter.low), min(high, meter.high))

    def _measure(self, meter, low, high):
        if low >= high:
            return
        gaps = [(g0, g1) for g0, g1 in meter.register.gaps(HOUR_MS) if g0 < high and g1 > low]
        reach = min([low] + [g0 for g0, _ in gaps]), max([high] + [g1 for _, g1 in gaps])
        for a, b in self.spans(*reach):
            inside = max(a, low), min(b, high)
            if inside[0] >= inside[1]:
                continue
            untimed = sum(meter.use(max(g0, inside[0]), min(g1, inside[1])) for g0, g1 in gaps
                          if (g0 < a < g1 or g0 < b < g1) and g0 < inside[1] and g1 > inside[0])
            self.untimed_wh += untimed
            self.use_wh += meter.use(*inside) - untimed


class Demand:
    """The highest average power over windows of the clock, in 0.01 kW."""

    def __init__(self, source, clock):
        self.minutes, self.clock = source["window_minutes"], clock
        self.highest_wh, self.kw, self.low, self.high, self.skipped = None, None, None, None, 0

    def measure(self, meters, low, high):
        serving = [meter for meter in meters if meter.low < high and meter.high > low]
        close = {meter: meter.register.read_closely(DEMAND_GAP_MS) for meter in serving}
        day = self.clock.day_of(low)
        while self.clock.day_start(day) < high:
            grid = self.clock.grid(day, self.minutes)
            for a, b in zip(grid, grid[1:]):
                if b - a == self.minutes * 60000 and a >= low and b <= high:
                    self._window(close, a, b)
            day += timedelta(days=1)

    def _window(self, close, a, b):
        here = [meter for meter in close if meter.low < b and meter.high > a]
        if not here or not all(meter.low <= a and b <= meter.high and covers(close[meter], a, b) for meter in here):
            self.skipped += 1
            return
        wh = sum(meter.use(a, b) for meter in here)
        if self.highest_wh is None or wh > self.highest_wh:
            self.highest_wh, self.low, self.high = wh, a, b
            self.kw = max(0, nearest(wh * 60 * 100, self.minutes * 1000))


def covers(spans, a, b):
    """Whether one of the spans (by time, apart) holds all of [a, b]."""
    i = bisect_right(spans, (a, float("inf"))) - 1
    return i >= 0 and spans[i][0] <= a and b <= spans[i][1]
