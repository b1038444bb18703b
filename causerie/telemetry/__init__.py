"""What the platform tells its operators: metrics, logs and traces, by OpenTelemetry.

The only room that knows OpenTelemetry. Everybody else counts with the numbers named in `metrics.py`:

    telemetry.DELIVERIES.value += len(recipients)       # a hot path: a plain number, no call
    telemetry.CLOSES.add("slow_consumer")               # told apart by its one attribute
    telemetry.DELIVERY_SECONDS.record(now - committed)  # once per event and node
    telemetry.SEND_QUEUE_BYTES.read = gateway.queued    # or read only when somebody scrapes
"""

from opentelemetry.trace import SpanKind

from causerie.telemetry import logs, traces
from causerie.telemetry.loop_lag import sample_loop_lag
from causerie.telemetry.metrics import (
    CLOCK_SKEW_SECONDS,
    CLOSES,
    CONNECTIONS,
    DB_SECONDS,
    DEAD_LETTERS,
    DEFAULT_PARTITION_ROWS,
    DELIVERIES,
    DELIVERY_SECONDS,
    DISPATCH_LAG_SECONDS,
    ERRORS,
    EVENT_LOOP_LAG_SECONDS,
    GAPS_HEALED,
    HANDSHAKES,
    HTTP_SECONDS,
    MESSAGES_ACCEPTED,
    PARTITION_MONTHS_AHEAD,
    RESYNCS,
    SEND_QUEUE_BYTES,
    Exposition,
    db_operation,
    http_request,
)
from causerie.telemetry.traces import span, traceparent

__all__ = [
    "CLOCK_SKEW_SECONDS",
    "CLOSES",
    "CONNECTIONS",
    "DB_SECONDS",
    "DEAD_LETTERS",
    "DEFAULT_PARTITION_ROWS",
    "DELIVERIES",
    "DELIVERY_SECONDS",
    "DISPATCH_LAG_SECONDS",
    "ERRORS",
    "EVENT_LOOP_LAG_SECONDS",
    "GAPS_HEALED",
    "HANDSHAKES",
    "HTTP_SECONDS",
    "MESSAGES_ACCEPTED",
    "PARTITION_MONTHS_AHEAD",
    "RESYNCS",
    "SEND_QUEUE_BYTES",
    "SpanKind",
    "db_operation",
    "http_request",
    "render_metrics",
    "sample_loop_lag",
    "setup",
    "shutdown",
    "span",
    "traceparent",
]

_exposition: Exposition | None = None


def setup(service: str, log_level: str = "info") -> None:
    """Start logs, metrics and traces of this process; once, before anything else.

    Raises:
        ValueError: there is no such log level.
    """
    global _exposition
    logs.set_up(service, log_level)
    traces.set_up(service)
    if _exposition is None:
        _exposition = Exposition(service)


def shutdown() -> None:
    """Send what is still to be pushed; the last thing a process does."""
    global _exposition
    traces.shut_down()
    if _exposition is not None:
        _exposition.shut_down()
        _exposition = None


def render_metrics() -> bytes:
    """The metrics as Prometheus reads them (text format 0.0.4)."""
    return b"" if _exposition is None else _exposition.render()
