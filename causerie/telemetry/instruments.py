"""What hot paths count with: plain numbers, read by OpenTelemetry only when somebody scrapes.

An OpenTelemetry instrument costs microseconds per call and a delivery may not, so counters and gauges here
are attributes one may add to; `metrics.py` names them all and hands them to the SDK as observable instruments.
Histograms with attributes do call the SDK: they are recorded once per request or statement, never per socket.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.metrics import Histogram as Instrument

MAX_ATTRIBUTE_VALUES = 64
"""Series of one metric; what comes later is counted as ``other``, so no mistake can fill a Prometheus."""

DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Number:
    """One series without attributes: a total when `grows`, else a level. Set it, or give it a way to `read`."""

    def __init__(self, name: str, unit: str, description: str, *, grows: bool) -> None:
        self.name, self.unit, self.description, self.grows = name, unit, description, grows
        self.value: float = 0
        self.read: Callable[[], float] | None = None

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self.value if self.read is None else self.read())]


class Numbers:
    """Series told apart by one attribute with few values; the `known` ones exist from the start."""

    def __init__(
        self, name: str, unit: str, description: str, *, grows: bool, attribute: str, known: Iterable[str]
    ) -> None:
        self.name, self.unit, self.description, self.grows = name, unit, description, grows
        self.attribute = attribute
        self.values: dict[str, float] = dict.fromkeys(known, 0)

    def add(self, value: str, amount: float = 1) -> None:
        values = self.values
        if value not in values and len(values) >= MAX_ATTRIBUTE_VALUES:
            value = "other"
        values[value] = values.get(value, 0) + amount

    def observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(amount, {self.attribute: value}) for value, amount in self.values.items()]


class Buckets:
    """A histogram of seconds without attributes, for what happens with every event: counted here.

    The SDK has no histogram that is read only when somebody scrapes. So `metrics.py` shows this one to Prometheus, and
    only where metrics are pushed too is the SDK told of each value, which costs twenty times as much.
    """

    def __init__(self, name: str, description: str) -> None:
        self.name, self.description = name, description
        self.counts: list[int] = []
        self.sum = 0.0
        self._instrument: Instrument | None = None
        self.bind(None)

    @property
    def is_shown_by_sdk(self) -> bool:
        return self._instrument is not None and any(self.counts)

    def record(self, seconds: float) -> None:
        self.counts[bisect_left(DURATION_BUCKETS, seconds)] += 1
        self.sum += seconds
        if self._instrument is not None:
            self._instrument.record(seconds)

    def bind(self, meter: Meter | None) -> None:
        """Begin anew; with a meter the SDK is told."""
        self.counts = [0] * (len(DURATION_BUCKETS) + 1)
        self.sum = 0.0
        self._instrument = None if meter is None else _histogram(meter, self.name, self.description)


class Durations:
    """A histogram of seconds. Does nothing until telemetry is set up."""

    def __init__(self, name: str, description: str) -> None:
        self.name, self.description = name, description
        self.is_empty = True
        self._instrument: Instrument | None = None

    def record(self, seconds: float, attributes: Mapping[str, str | int] | None = None) -> None:
        if self._instrument is not None:
            self.is_empty = False
            self._instrument.record(seconds, attributes)

    def bind(self, meter: Meter) -> None:
        self.is_empty = True
        self._instrument = _histogram(meter, self.name, self.description)


def _histogram(meter: Meter, name: str, description: str) -> Instrument:
    return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=DURATION_BUCKETS)


def bind(instrument: Number | Numbers | Durations | Buckets, meter: Meter, *, is_pushed: bool) -> None:
    """Hand one of ours to the SDK."""
    match instrument:
        case Buckets():
            instrument.bind(meter if is_pushed else None)
        case Durations():
            instrument.bind(meter)
        case Number(grows=True) | Numbers(grows=True):
            meter.create_observable_counter(
                instrument.name, [instrument.observe], instrument.unit, instrument.description
            )
        case Number() | Numbers():
            meter.create_observable_gauge(
                instrument.name, [instrument.observe], instrument.unit, instrument.description
            )
