"""Whole numbers, decimals as whole numbers, and the clocks of zones: what the oracle counts with. No floating point."""
import functools
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

HOUR_MS = 3600000
QUARTER_MS = HOUR_MS // 4
DAY_MS = 24 * HOUR_MS
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EPOCH_DAY = date(1970, 1, 1)
largest = 0  # of all numbers that were written as text
DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "OMR": 3}


def nearest(numerator, denominator):
    """The whole number nearest to a quotient, half away from zero."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def scaled(number, places):
    """A decimal (text or number) as a whole number of 10^-places. What does not fit is an error of the case."""
    value = Decimal(str(number)).scaleb(places)
    whole = int(value)
    if whole != value:
        raise ValueError(f"{number} has more than {places} places")
    return whole


def text_of(value, places, at_least):
    """value × 10^-places as text, with zeros at its end cut down to `at_least` places."""
    global largest
    largest = max(largest, abs(value))
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, part = divmod(value, 10**places)
    fraction = str(part).zfill(places) if places else ""
    while len(fraction) > at_least and fraction.endswith("0"):
        fraction = fraction[:-1]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def kwh(wh):
    """As a JSON number."""
    global largest
    largest = max(largest, abs(wh))
    return Decimal(wh).scaleb(-3)


def instant_ms(text):
    """RFC 3339, or ms as they are."""
    if isinstance(text, int):
        return text
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - EPOCH) // timedelta(milliseconds=1)


class Clock:
    """A zone: instants in ms to local days and back. A day begins at its first instant."""

    def __init__(self, name):
        self.zone = ZoneInfo(name)
        self.wall = functools.lru_cache(maxsize=None)(self._wall)
        self.grid = functools.lru_cache(maxsize=None)(self._grid)

    def _local(self, ms):
        return (EPOCH + timedelta(milliseconds=ms)).astimezone(self.zone)

    def day_of(self, ms):
        return self._local(ms).date()

    def text(self, ms):
        """RFC 3339 on the zone's clock, to the nearest ms."""
        if not isinstance(ms, int):
            ms = nearest(ms.numerator, ms.denominator)
        local = self._local(ms)
        return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")

    def day_start(self, day):
        return self.wall(day, 0)

    def _wall(self, day, minute):
        """Instant of a time of the wall's clock: of two the first, of none the end of the gap."""
        day += timedelta(days=minute // 1440)
        minute %= 1440
        local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone)
        ms = (local - EPOCH) // timedelta(milliseconds=1)
        if self._local(ms).replace(tzinfo=None) == local.replace(tzinfo=None):
            return ms
        return self._after_gap(ms, local)

    def _after_gap(self, ms, local):
        """The first instant whose clock shows `local` or later, by halving around ms."""
        low, high = ms - DAY_MS // 4, ms + DAY_MS // 4
        while high - low > 1:
            middle = (low + high) // 2
            if self._local(middle).replace(tzinfo=None) >= local.replace(tzinfo=None):
                high = middle
            else:
                low = middle
        return high

    def _grid(self, day, minutes):
        """The instants of a day, its end too, at which its clock shows a multiple of so many minutes."""
        low, high = self.day_start(day), self.day_start(day + timedelta(days=1))
        found = []
        for ms in range(low, high + 1, QUARTER_MS):
            local = self._local(ms)
            if (local.hour * 60 + local.minute) % minutes == 0:
                found.append(ms)
        return found


def month_days(year, month):
    first = date(year, month, 1)
    after = date(year + month // 12, month % 12 + 1, 1)
    return first, after
