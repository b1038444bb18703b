"""Every metric of the platform (CONTRACT §6), and how it is read.

The names below are OpenTelemetry's; Prometheus sees dots as underscores with the unit and ``_total`` behind.
All series exist from the start with 0. No user, conversation or connection id is ever an attribute.
"""

from collections.abc import Iterable
from itertools import accumulate

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily

from causerie.domain.errors import CauserieError
from causerie.protocol.close_codes import CloseCode
from causerie.telemetry.environment import exporter_of, resource
from causerie.telemetry.instruments import DURATION_BUCKETS, Buckets, Durations, Number, Numbers, bind

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _codes(error: type[CauserieError]) -> Iterable[str]:
    for kind in error.__subclasses__():
        yield kind.code
        yield from _codes(kind)


CONNECTIONS = Numbers(
    "causerie.gateway.connections",
    "{connection}",
    "Sockets open on this gateway.",
    grows=False,
    attribute="dialect",
    known=["native"],
)
HANDSHAKES = Numbers(
    "causerie.gateway.handshakes",
    "{handshake}",
    "Upgrades asked for, by what came of them.",
    grows=True,
    attribute="result",
    known=["accepted", "unauthenticated", "forbidden", "malformed", "draining", "full", "crowded", "paced", "timeout"],
)
CLOSES = Numbers(
    "causerie.gateway.closes",
    "{connection}",
    "Sockets closed, by reason.",
    grows=True,
    attribute="reason",
    known=[*(code.name.lower() for code in CloseCode), "client", "lost"],
)
DELIVERIES = Number(
    "causerie.gateway.deliveries", "{delivery}", "Events written to the sockets of recipients.", grows=True
)
DELIVERY_SECONDS = Buckets(
    "causerie.delivery.duration", "From the commit of an event to its write on the sockets of this node."
)
MESSAGES_ACCEPTED = Number(
    "causerie.messages.accepted", "{message}", "Messages committed and acknowledged, repeats not counted.", grows=True
)
ERRORS = Numbers(
    "causerie.errors",
    "{error}",
    "Refusals and failures answered to clients, by their code.",
    grows=True,
    attribute="code",
    known=sorted({*_codes(CauserieError), "internal"}),
)
SEND_QUEUE_BYTES = Number(
    "causerie.gateway.send_queue", "By", "Bytes waiting for sockets that read slowly.", grows=False
)
EVENT_LOOP_LAG_SECONDS = Number(
    "causerie.event_loop.lag",
    "s",
    "The longest a timer waited for the event loop lately.",
    grows=False,
)
CLOCK_SKEW_SECONDS = Number(
    "causerie.clock.skew",
    "s",
    "How far the clock of this machine is ahead of PostgreSQL's; what clients see goes by PostgreSQL's.",
    grows=False,
)
DISPATCH_LAG_SECONDS = Number(
    "causerie.dispatch.lag",
    "s",
    "Age of the oldest event not yet sent on to nodes.",
    grows=False,
)
GAPS_HEALED = Number(
    "causerie.gaps.healed", "{gap}", "Gaps in hints or batches filled from the ring or the log.", grows=True
)
RESYNCS = Number(
    "causerie.resyncs", "{frame}", "Times a client was told to fetch what could not be filled for it.", grows=True
)
DEAD_LETTERS = Numbers(
    "causerie.dead_letters",
    "{letter}",
    "What could not be handled and was left aside, by what it was; any is an alert.",
    grows=True,
    attribute="kind",
    known=["event", "hint", "delivery", "frame", "message", "envelope", "cache"],
)
PARTITION_MONTHS_AHEAD = Number(
    "causerie.partition.months_ahead", "{month}", "Months after this one that have their partitions.", grows=False
)
DEFAULT_PARTITION_ROWS = Number(
    "causerie.default_partition.rows", "{row}", "Rows that found no monthly partition; any is an alert.", grows=False
)
HTTP_SECONDS = Durations("http.server.request.duration", "Duration of HTTP server requests.")
DB_SECONDS = Durations("db.client.operation.duration", "Duration of database client operations.")

ALL: tuple[Number | Numbers | Durations | Buckets, ...] = (
    CONNECTIONS,
    HANDSHAKES,
    CLOSES,
    DELIVERIES,
    DELIVERY_SECONDS,
    MESSAGES_ACCEPTED,
    ERRORS,
    SEND_QUEUE_BYTES,
    EVENT_LOOP_LAG_SECONDS,
    CLOCK_SKEW_SECONDS,
    DISPATCH_LAG_SECONDS,
    GAPS_HEALED,
    RESYNCS,
    DEAD_LETTERS,
    PARTITION_MONTHS_AHEAD,
    DEFAULT_PARTITION_ROWS,
    HTTP_SECONDS,
    DB_SECONDS,
)


def http_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the template (`/v1/messages/{id}`), never the path."""
    HTTP_SECONDS.record(
        seconds,
        {
            "http.request.method": method if method in KNOWN_METHODS else "_OTHER",
            "http.route": route,
            "http.response.status_code": status,
        },
    )


def db_operation(system: str, operation: str, seconds: float) -> None:
    """Count one round trip to a store: `system` is ``postgresql`` or ``redis``, `operation` one of few names."""
    DB_SECONDS.record(seconds, {"db.system.name": system, "db.operation.name": operation})


class _NotOfTheSdk:
    """Shows the histograms we count, and those nobody has recorded in, which the SDK leaves out: dashboards would show
    a hole."""

    def collect(self) -> Iterable[HistogramMetricFamily]:
        bounds = [*map(str, DURATION_BUCKETS), "+Inf"]
        for histogram in ALL:
            match histogram:
                case Buckets() if not histogram.is_shown_by_sdk:
                    counts, total = histogram.counts, histogram.sum
                case Durations() if histogram.is_empty:
                    counts, total = [0] * len(bounds), 0.0
                case _:
                    continue
            buckets = [*zip(bounds, accumulate(counts), strict=True)]
            name = f"{histogram.name.replace('.', '_')}_seconds"
            yield HistogramMetricFamily(name, histogram.description, buckets=buckets, sum_value=total)


class Exposition:
    """The metrics of one process: always to be pulled, and pushed by OTLP when the environment says where."""

    def __init__(self, service: str) -> None:
        self._registry = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self._registry)
        ]
        is_pushed = exporter_of("METRICS") == "otlp"
        if is_pushed:
            # Imported here: it brings an HTTP stack that a process without a collector never needs.
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        self._registry.register(_NotOfTheSdk())
        self._provider = MeterProvider(readers, resource(service))
        meter = self._provider.get_meter("causerie")
        for instrument in ALL:
            bind(instrument, meter, is_pushed=is_pushed)

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def shut_down(self) -> None:
        self._provider.shutdown()
