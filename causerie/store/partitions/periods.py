"""Which periods of time the partitioned tables are cut into, and what a period's partition is called.

Nothing here reads a clock or a database.  Periods are half-open and begin at midnight UTC: months
`y2026m11`, and weeks `y2026w47` as ISO 8601 counts them, from Monday.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum


class Rhythm(Enum):
    MONTH = "month"
    WEEK = "week"

    def at(self, moment: datetime) -> "Period":
        """The period `moment` lies in."""
        midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is Rhythm.MONTH:
            start = midnight.replace(day=1)
            return Period(self, start, (start + timedelta(days=32)).replace(day=1))
        start = midnight - timedelta(days=midnight.weekday())
        return Period(self, start, start + timedelta(days=7))

    def ahead(self, moment: datetime, count: int) -> list["Period"]:
        """The period of `moment` and the `count` after it."""
        periods = [self.at(moment)]
        while len(periods) <= count:
            periods.append(self.at(periods[-1].end))
        return periods

    def back(self, moment: datetime, count: int) -> "Period":
        """The period `count` before that of `moment`."""
        period = self.at(moment)
        for _ in range(count):
            period = self.at(period.start - timedelta(days=1))
        return period


@dataclass(frozen=True, slots=True)
class Period:
    rhythm: Rhythm
    start: datetime
    end: datetime

    @property
    def suffix(self) -> str:
        if self.rhythm is Rhythm.MONTH:
            return f"y{self.start.year:04}m{self.start.month:02}"
        year, week, _ = self.start.isocalendar()
        return f"y{year:04}w{week:02}"


@dataclass(frozen=True, slots=True)
class Table:
    """A partitioned table: `key` is the column that names a row's period."""

    name: str
    key: str
    rhythm: Rhythm

    @property
    def default(self) -> str:
        return f"{self.name}_default"

    def partition(self, period: Period) -> str:
        return f"{self.name}_{period.suffix}"

    def literal(self, moment: datetime) -> str:
        """`moment` as a bound; weeks are dates, months instants."""
        return f"'{moment:%Y-%m-%d}'" if self.rhythm is Rhythm.WEEK else f"'{moment:%Y-%m-%d %H:%M:%S}+00'"

    def bounds(self, period: Period) -> str:
        return f"FROM ({self.literal(period.start)}) TO ({self.literal(period.end)})"

    @property
    def truncated(self) -> str:
        """The beginning of a row's period; a week's key is that already."""
        return self.key if self.rhythm is Rhythm.WEEK else f"date_trunc('month', {self.key}, 'UTC')"

    def within(self, period: Period) -> str:
        """The condition of a row of that period."""
        return f"{self.key} >= {self.literal(period.start)} AND {self.key} < {self.literal(period.end)}"


MESSAGES = Table("messages", "created_at", Rhythm.MONTH)
EVENTS = Table("events", "created_at", Rhythm.MONTH)
SEND_KEYS = Table("send_keys", "week", Rhythm.WEEK)
TABLES = (MESSAGES, EVENTS, SEND_KEYS)
