"""The list a metric is entered in when it is made: its name, and which services record it."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from causerie.telemetry.histograms import Buckets
from causerie.telemetry.instruments import DURATION_BUCKETS, Durations, Number, Numbers

Metric = Number | Numbers | Durations | Buckets
M = TypeVar("M", Number, Numbers, Durations, Buckets)

API, GATEWAY, WORKER, CANARY = "api", "gateway", "worker", "canary"
EVERYWHERE = (API, GATEWAY, WORKER, CANARY)
STORES_OPEN = (API, GATEWAY, WORKER)
"""Who works with PostgreSQL, Redis and NATS."""
CLIENTS_SERVED = (API, GATEWAY)

_UNITS = {"s": "_seconds", "By": "_bytes"}
_entries: list[tuple[Metric, tuple[str, ...]]] = []


def of(service: str) -> list[Metric]:
    """What this service records; all there is for one we do not know."""
    return [metric for metric, services in _entries if service in services or service not in EVERYWHERE]


def services_of(metric: Metric) -> tuple[str, ...]:
    return next(services for entered, services in _entries if entered is metric)


def prometheus_name(metric: Metric) -> str:
    """As it stands in `/metrics`; of a histogram the name without ``_bucket``, ``_sum`` or ``_count``."""
    unit = "s" if isinstance(metric, Durations) else metric.unit
    name = metric.name.replace(".", "_") + _UNITS.get(unit, "")
    return f"{name}_total" if isinstance(metric, Number | Numbers) and metric.grows else name


def total(services: Sequence[str], name: str, unit: str, description: str) -> Number:
    """A number that only grows."""
    return _entered(Number(name, unit, description, grows=True), services)


def level(services: Sequence[str], name: str, unit: str, description: str) -> Number:
    """A number that goes up and down."""
    return _entered(Number(name, unit, description, grows=False), services)


def totals(
    services: Sequence[str], name: str, unit: str, description: str, *, by: str, known: Iterable[str]
) -> Numbers:
    """Numbers that only grow, told apart by one attribute."""
    return _entered(Numbers(name, unit, description, grows=True, attribute=by, known=known), services)


def levels(
    services: Sequence[str], name: str, unit: str, description: str, *, by: str, known: Iterable[str]
) -> Numbers:
    """Numbers that go up and down, told apart by one attribute."""
    return _entered(Numbers(name, unit, description, grows=False, attribute=by, known=known), services)


def durations(services: Sequence[str], name: str, description: str) -> Durations:
    """A histogram of seconds with several attributes."""
    return _entered(Durations(name, description), services)


def buckets(
    services: Sequence[str],
    name: str,
    description: str,
    *,
    unit: str = "s",
    bounds: Sequence[float] = DURATION_BUCKETS,
    by: str | None = None,
    known: Iterable[str] = ("",),
) -> Buckets:
    """A histogram for hot paths, with one attribute or none."""
    made = Buckets(name, description, unit=unit, bounds=bounds, attribute=by, known=known)
    return _entered(made, services)


def _entered(metric: M, services: Sequence[str]) -> M:
    _entries.append((metric, tuple(services)))
    return metric
