"""What hot paths count with: plain numbers, read by OpenTelemetry only when somebody scrapes.

An OpenTelemetry instrument costs microseconds per call and a delivery may not, so counters and gauges here
are attributes one may add to; the catalogue names them all and the exposition hands them to the SDK as observable
instruments.  Histograms with several attributes do call the SDK: they are recorded once per request or statement,
never per socket.
"""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.metrics import Histogram as Instrument

MAX_ATTRIBUTE_VALUES = 64
"""Series of one metric; what comes later is counted as ``other``, so no mistake can fill a Prometheus."""

DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Read = Callable[[], float]


class Number:
    """One series without attributes: a total when `grows`, else a level. Set it, or give it a way to `read`.

    Where metrics are pushed, `read` is called from another thread.
    """

    def __init__(self, name: str, unit: str, description: str, *, grows: bool) -> None:
        self.name, self.unit, self.description, self.grows = name, unit, description, grows
        self.value: float = 0
        self.read: Read | None = None

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self.value if self.read is None else self.read())]


class Numbers:
    """Series told apart by one attribute with few values; the `known` ones exist from the start.

    A series is counted in `values`, or has a way to be read in `reads`, which may be called from another thread.
    """

    def __init__(
        self, name: str, unit: str, description: str, *, grows: bool, attribute: str, known: Iterable[str]
    ) -> None:
        self.name, self.unit, self.description, self.grows = name, unit, description, grows
        self.attribute = attribute
        self.values: dict[str, float] = dict.fromkeys(known, 0)
        self.reads: dict[str, Read] = {}

    def add(self, value: str, amount: float = 1) -> None:
        values = self.values
        if value not in values and len(values) >= MAX_ATTRIBUTE_VALUES:
            value = "other"
        values[value] = values.get(value, 0) + amount

    def observe(self, _: CallbackOptions) -> Iterable[Observation]:
        shown = self.values | {value: read() for value, read in list(self.reads.items())}
        return [Observation(amount, {self.attribute: value}) for value, amount in shown.items()]


class Durations:
    """A histogram of seconds kept by the SDK. Does nothing until telemetry is set up."""

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
        self._instrument = meter.create_histogram(
            self.name, "s", self.description, explicit_bucket_boundaries_advisory=DURATION_BUCKETS
        )
