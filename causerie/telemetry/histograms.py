"""Histograms counted by us: for what happens with every event, where telling the SDK would cost too much.

The SDK has no histogram that is read only when somebody scrapes. So the exposition shows these to Prometheus, and
only where metrics are pushed too is the SDK told of each value, which costs twenty times as much.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opentelemetry.metrics import Histogram as Instrument
from opentelemetry.metrics import Meter

from causerie.telemetry.instruments import DURATION_BUCKETS, MAX_ATTRIBUTE_VALUES

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One value that was recorded, and the trace that tells its story."""

    value: float
    trace_id: str
    at: float


class Series:
    """The counts of one series, and for each bucket the latest value of which there is a trace."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}


class Buckets:
    """A histogram, of seconds unless `unit` says otherwise; one series, or one for each value of one attribute."""

    def __init__(
        self,
        name: str,
        description: str,
        *,
        unit: str = "s",
        bounds: Sequence[float] = DURATION_BUCKETS,
        attribute: str | None = None,
        known: Iterable[str] = ("",),
    ) -> None:
        self.name, self.description, self.unit = name, description, unit
        self.bounds, self.attribute = bounds, attribute
        self._known = tuple(known)
        self.series: dict[str, Series] = {}
        self._instrument: Instrument | None = None
        self.bind(None)
        self._only = self.series.get("")

    def record(self, amount: float) -> None:
        """Count one value; of a histogram without attribute."""
        series = self._only
        assert series is not None, "this one has an attribute"
        series.counts[bisect_left(self.bounds, amount)] += 1
        series.sum += amount
        if self._instrument is not None:
            self._instrument.record(amount)

    def record_of(self, value: str, amount: float) -> None:
        """Count one value of the series with this value of the attribute."""
        series = self.series.get(value)
        if series is None:
            value = value if len(self.series) < MAX_ATTRIBUTE_VALUES else OTHER
            series = self.series.setdefault(value, Series(len(self.bounds) + 1))
        series.counts[bisect_left(self.bounds, amount)] += 1
        series.sum += amount
        if self._instrument is not None:
            self._instrument.record(amount, {self.attribute or "": value})

    def exemplify(self, amount: float, trace_id: str) -> None:
        """Say which trace tells of such a value, in a histogram without attribute; the value is counted elsewhere."""
        series = self._only
        assert series is not None, "this one has an attribute"
        series.exemplars[bisect_left(self.bounds, amount)] = Exemplar(amount, trace_id, time.time())

    def bind(self, meter: Meter | None) -> None:
        """Begin anew; with a meter the SDK is told."""
        self.series = {value: Series(len(self.bounds) + 1) for value in self._known}
        self._only = self.series.get("")
        self._instrument = None
        if meter is not None:
            self._instrument = meter.create_histogram(
                self.name, self.unit, self.description, explicit_bucket_boundaries_advisory=self.bounds
            )
