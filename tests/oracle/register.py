"""A meter's register: which readings are good, where it fell, rolled over or jumped, and what it stood at, at any instant."""
from bisect import bisect_right
from fractions import Fraction

from exact import HOUR_MS, nearest

INFINITE = 1 << 63
AGREE = 3  # readings of the meter that make an event
AGREE_BY_HAND = 2  # if one of them was read by hand


class Event:
    """Between two good readings, (g_ms, before_wh) and (at_ms, after_wh), the register did not go on."""

    def __init__(self, kind, last, first, known):
        self.kind = kind
        self.since_ms, self.before_wh, _ = last
        self.at_ms, self.after_wh, self.by_hand = first
        self.known = known  # nothing was lost between the two


class Stretch:
    """An unbroken piece of register: knots (instant, Wh) with even use between them. `end` None: it is the last, and stands still."""

    def __init__(self, knots):
        self.times = [t for t, _ in knots]
        self.values = [w for _, w in knots]
        self.start = self.times[0]
        self.end = None
        self.rolls_over = False  # at its end

    def add(self, t, wh):
        self.times.append(t)
        self.values.append(wh)

    def at(self, t):
        """The register to the nearest Wh."""
        i = bisect_right(self.times, t) - 1
        if i < 0:
            return self.values[0]
        if i == len(self.times) - 1 or self.times[i] == t:
            return self.values[i]
        t0, t1, w0, w1 = self.times[i], self.times[i + 1], self.values[i], self.values[i + 1]
        if w1 == w0:
            return w0
        if isinstance(t0, int) and isinstance(t1, int):
            return w0 + nearest((w1 - w0) * (t - t0), t1 - t0)
        exact = w0 + (w1 - w0) * Fraction(t - t0) / (t1 - t0)
        return nearest(exact.numerator, exact.denominator)


class Judge:
    """What a meter can do: whether one reading can follow another."""

    def __init__(self, max_power_w, modulus_wh):
        self.max_power_w = max_power_w
        self.modulus_wh = modulus_wh

    def plausible(self, wh, ms):
        # wh <= max × 1.2 × hours + 2
        return 0 <= wh and (wh - 2) * 5 * HOUR_MS <= 6 * self.max_power_w * ms

    def follows(self, earlier, later):
        return self.plausible(later[1] - earlier[1], later[0] - earlier[0])

    def event(self, last, first):
        by_hand = first[2]
        if first[1] > last[1]:
            kind = "jump"
        elif self.plausible(self.modulus_wh - last[1] + first[1], first[0] - last[0]):
            kind = "rollover"
        else:
            kind = "reset"
        # Nothing was lost over a rollover, nor between two registers that were read by hand one after the other.
        known = kind == "rollover" or (by_hand and last[2] and first[0] - last[0] <= HOUR_MS)
        return Event(kind, last, first, known)


class Register:
    """Readings are (ms, Wh, by hand) in the order of their instants, of one instant the first. left_out: {ms: (ms of the reading before,
    longest silence between the two)} where readings in between were left out."""

    def __init__(self, readings, judge, left_out):
        self.judge = judge
        self.left_out = left_out
        self.good = []  # as given
        self.doubted = set()  # instants of readings that are not believed
        self.events = []
        self.since_event = 0
        self.silent_until = None  # to where the register was taken to go on after the last reading
        self._judge_all(readings)
        self._cut()

    # --- judging ---------------------------------------------------------------------------------------------------

    def _judge_all(self, readings):
        run = []
        alone = True  # nothing has followed the very first reading yet
        seen = None
        for reading in readings:
            if reading[0] == seen:
                continue
            seen = reading[0]
            if not self.good:
                self.good.append(reading)
                continue
            if self.judge.follows(self.good[-1], reading) or self._overrule(reading):
                self._doubt(run)
                run, alone = [], False
                self.good.append(reading)
                continue
            if run and not self.judge.follows(run[-1], reading):
                self._doubt(run)
                run = []
            run.append(reading)
            if len(run) < (AGREE_BY_HAND if any(by_hand for _, _, by_hand in run) else AGREE):
                continue
            if alone:
                self._doubt([self.good.pop()])
            else:
                self.events.append(self.judge.event(self.good[-1], run[0]))
                self.since_event = len(self.good)  # what the meter said before overrules nothing behind it
            alone = False
            self.good += run
            run = []
        self._doubt(run)

    def _doubt(self, readings):
        self.doubted.update(ms for ms, _, _ in readings)

    def _overrule(self, reading):
        """If the meter's own readings before and after those by hand follow each other, what does not fit between is dropped: whether any."""
        own = len(self.good)
        while own > self.since_event and self.good[own - 1][2]:
            own -= 1
        if reading[2] or own == len(self.good) or own == self.since_event or not self.judge.follows(self.good[own - 1], reading):
            return False
        while not self.judge.follows(self.good[-1], reading):
            self._doubt([self.good.pop()])
        return True

    # --- stretches -------------------------------------------------------------------------------------------------

    def _cut(self):
        self.stretches = []
        begins = {event.at_ms: event for event in self.events}
        for t, wh, _ in self.good:
            event = begins.get(t)
            if event is not None:
                self._break(event)
            elif not self.stretches:
                self.stretches.append(Stretch([(t, wh)]))
            else:
                self.stretches[-1].add(t, wh)

    def _break(self, event):
        before = self.stretches[-1]
        if event.kind == "jump" or (event.kind == "reset" and event.by_hand):
            before.end = event.since_ms
            after = Stretch([(event.at_ms, event.after_wh)])
        elif event.kind == "reset":
            before.end = event.since_ms
            after = Stretch([(event.since_ms, 0), (event.at_ms, event.after_wh)])
        else:
            to_go = self.judge.modulus_wh - event.before_wh
            used = to_go + event.after_wh
            over = event.since_ms + Fraction(to_go * (event.at_ms - event.since_ms), used) if used else Fraction(event.since_ms)
            # At the edge the meter shows the modulus; it has rolled over since it first did so.
            before.add(over, self.judge.modulus_wh)
            after = Stretch([(over, 0), (event.at_ms, event.after_wh)])
            before.rolls_over = True
            before.end = after.start = before.times[before.values.index(self.judge.modulus_wh)]
        self.stretches.append(after)

    @property
    def first_ms(self):
        return self.good[0][0] if self.good else None

    @property
    def last_ms(self):
        return self.good[-1][0] if self.good else None

    def go_on(self, t, more_wh):
        """After the last reading, evenly until t, over the modulus if it comes to that."""
        last_ms, last_wh = self.good[-1][0], self.stretches[-1].values[-1]
        self.silent_until = t
        edge = self.judge.modulus_wh
        while last_wh + more_wh > edge:
            over = last_ms + Fraction((edge - last_wh) * (t - last_ms), more_wh)
            self.stretches[-1].add(over, self.judge.modulus_wh)
            after = Stretch([(over, 0)])
            self.stretches[-1].rolls_over = True
            self.stretches[-1].end = after.start = over
            self.stretches.append(after)
            edge += self.judge.modulus_wh
        self.stretches[-1].add(t, last_wh + more_wh - edge + self.judge.modulus_wh)

    def _first_from(self, t):
        """The index of the first good reading at or after t."""
        return bisect_right(self.good, (t, -1))

    def reach(self, low, high):
        """From the last good reading at or before `low` to the first one at or after `high`; the instants themselves if there is none."""
        i, j = bisect_right(self.good, (low, INFINITE)), self._first_from(high)
        return self.good[i - 1][0] if i else low, self.good[j][0] if j < len(self.good) else high

    def gap_at(self, t):
        """The two neighbouring good readings that t lies strictly between, else None."""
        i = self._first_from(t)
        if i == 0 or i == len(self.good) or self.good[i][0] == t:
            return None
        return self.good[i - 1][0], self.good[i][0]

    def gaps(self, longer_than):
        """Neighbouring good readings further apart than that."""
        times = [reading[0] for reading in self.good] + ([self.silent_until] if self.silent_until else [])
        return [(a, b) for a, b in zip(times, times[1:]) if b - a > longer_than]

    def _gap(self, before, reading):
        """The longest silence since the good reading before: readings that the case left out say how long theirs was."""
        since, gap = self.left_out.get(reading[0], (None, 0))
        return gap if since == before else reading[0] - before

    def read_closely(self, gap_ms):
        """Spans without a longer gap, and without an event, between good readings."""
        begins = {event.at_ms for event in self.events}
        spans = []
        for reading in self.good:
            ms = reading[0]
            if spans and ms not in begins and self._gap(spans[-1][1], reading) <= gap_ms:
                spans[-1] = (spans[-1][0], ms)
            else:
                spans.append((ms, ms))
        return spans

    def shown(self, t):
        """What stands on the meter: of the last stretch that has begun."""
        begun = [stretch for stretch in self.stretches if stretch.start <= t] or self.stretches[:1]
        return begun[-1].at(t)

    def pieces(self, low, high):
        """(from, to, opening, closing) of each stretch between two instants."""
        found = []
        for stretch in self.stretches:
            a = max(low, stretch.start)
            b = high if stretch.end is None else min(high, stretch.end)
            opening, closing = stretch.at(a), stretch.at(b)
            # To the nearest Wh it stood at the modulus already.
            over = opening == self.judge.modulus_wh and stretch.rolls_over and b == stretch.end
            if a < b and not over:
                found.append((a, b, opening, closing))
        return found
