"""What the platform tells its operators: metrics, logs and traces, by OpenTelemetry.

The only room that knows OpenTelemetry. Everybody else counts with the numbers named in `catalogue`:

    telemetry.DELIVERIES.value += len(recipients)       # a hot path: a plain number, no call
    telemetry.CLOSES.add("slow_consumer")               # told apart by its one attribute
    telemetry.DELIVERY_SECONDS.record(now - committed)  # once per event and node
    telemetry.SEND_QUEUE_BYTES.read = gateway.queued    # or read only when somebody scrapes
"""

from opentelemetry.trace import SpanKind

from causerie.telemetry import logs, own_process, traces
from causerie.telemetry.catalogue.canary import (
    CANARY_DOWN_SECONDS,
    CANARY_DUPLICATES,
    CANARY_LOST,
    CANARY_RECEIVED,
    CANARY_RECOVERY_SECONDS,
    CANARY_REFUSED,
    CANARY_SECONDS,
    CANARY_SENT,
)
from causerie.telemetry.catalogue.clients import (
    CLOSES,
    CONNECTIONS,
    CONVERSATIONS_READING,
    DEAD_LETTERS,
    DELIVERIES,
    DELIVERY_SECONDS,
    DISPATCH_LAG_SECONDS,
    DISPATCHED,
    ENTRY_SECONDS,
    ERRORS,
    FAN_OUT_WAITING,
    FLEET_GATEWAYS,
    FLEET_MEAN_CONNECTIONS,
    GAPS_HEALED,
    HANDSHAKE_SECONDS,
    HANDSHAKES,
    HTTP_ACTIVE,
    HTTP_SECONDS,
    LOG_POSITION_AGE_SECONDS,
    MAX_CONNECTIONS,
    MESSAGES_ACCEPTED,
    NODES_KNOWN,
    OP_SECONDS,
    REPLAYS,
    RESYNCS,
    SEND_QUEUE_BYTES,
    SENT_BYTES,
    SHARDS_OWNED,
    STRANGERS,
)
from causerie.telemetry.catalogue.process import (
    BUILD_INFO,
    CLOCK_SKEW_SECONDS,
    DRAINING,
    EVENT_LOOP_LAG_SECONDS,
    OPEN_FILES,
    OPEN_FILES_LIMIT,
    PROCESS_CPU_SECONDS,
    PROCESS_MEMORY_BYTES,
    STARTED_AT,
    TASK_AGE_SECONDS,
)
from causerie.telemetry.catalogue.stores import (
    BUS_BYTES,
    BUS_DEAF,
    BUS_DROPPED,
    BUS_GAPS,
    BUS_MESSAGES,
    BUS_RECONNECTS,
    BUS_SLOW,
    BUS_WAITING_BYTES,
    CACHE_BREAKER_OPENED,
    CACHE_CALLS,
    CACHE_READS,
    CACHE_SLOTS,
    DB_SECONDS,
    DEFAULT_PARTITION_ROWS,
    DETACH_PENDING,
    PARTITION_MONTHS_AHEAD,
    POOL_CONNECTIONS,
    POOL_MAX,
    POOL_WAIT_SECONDS,
    POOL_WAITING,
    POSTS_BATCH_SIZE,
    POSTS_IN_FLIGHT,
    POSTS_OLDEST_SECONDS,
    POSTS_QUEUED,
    STORE_FAILURES,
    STORE_UP,
    UPKEEP_SUCCEEDED_AT,
)
from causerie.telemetry.exposition import Exposition
from causerie.telemetry.loop_lag import sample_loop_lag
from causerie.telemetry.recording import Rounds, db_operation, http_request
from causerie.telemetry.traces import Opened, current, entry, span, traceparent

__all__ = [
    "BUILD_INFO",
    "BUS_BYTES",
    "BUS_DEAF",
    "BUS_DROPPED",
    "BUS_GAPS",
    "BUS_MESSAGES",
    "BUS_RECONNECTS",
    "BUS_SLOW",
    "BUS_WAITING_BYTES",
    "CACHE_BREAKER_OPENED",
    "CACHE_CALLS",
    "CACHE_READS",
    "CACHE_SLOTS",
    "CANARY_DOWN_SECONDS",
    "CANARY_DUPLICATES",
    "CANARY_LOST",
    "CANARY_RECEIVED",
    "CANARY_RECOVERY_SECONDS",
    "CANARY_REFUSED",
    "CANARY_SECONDS",
    "CANARY_SENT",
    "CLOCK_SKEW_SECONDS",
    "CLOSES",
    "CONNECTIONS",
    "CONVERSATIONS_READING",
    "DB_SECONDS",
    "DEAD_LETTERS",
    "DEFAULT_PARTITION_ROWS",
    "DELIVERIES",
    "DELIVERY_SECONDS",
    "DETACH_PENDING",
    "DISPATCHED",
    "DISPATCH_LAG_SECONDS",
    "DRAINING",
    "ENTRY_SECONDS",
    "ERRORS",
    "EVENT_LOOP_LAG_SECONDS",
    "FAN_OUT_WAITING",
    "FLEET_GATEWAYS",
    "FLEET_MEAN_CONNECTIONS",
    "GAPS_HEALED",
    "HANDSHAKES",
    "HANDSHAKE_SECONDS",
    "HTTP_ACTIVE",
    "HTTP_SECONDS",
    "LOG_POSITION_AGE_SECONDS",
    "MAX_CONNECTIONS",
    "MESSAGES_ACCEPTED",
    "NODES_KNOWN",
    "OPEN_FILES",
    "OPEN_FILES_LIMIT",
    "OP_SECONDS",
    "Opened",
    "PARTITION_MONTHS_AHEAD",
    "POOL_CONNECTIONS",
    "POOL_MAX",
    "POOL_WAITING",
    "POOL_WAIT_SECONDS",
    "POSTS_BATCH_SIZE",
    "POSTS_IN_FLIGHT",
    "POSTS_OLDEST_SECONDS",
    "POSTS_QUEUED",
    "PROCESS_CPU_SECONDS",
    "PROCESS_MEMORY_BYTES",
    "REPLAYS",
    "RESYNCS",
    "Rounds",
    "SEND_QUEUE_BYTES",
    "SENT_BYTES",
    "SHARDS_OWNED",
    "STARTED_AT",
    "STORE_FAILURES",
    "STORE_UP",
    "STRANGERS",
    "SpanKind",
    "TASK_AGE_SECONDS",
    "UPKEEP_SUCCEEDED_AT",
    "current",
    "db_operation",
    "entry",
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
    own_process.describe()
    if _exposition is None:
        _exposition = Exposition(service)


def shutdown() -> None:
    """Send what is still to be pushed; the last thing a process does."""
    global _exposition
    traces.shut_down()
    if _exposition is not None:
        _exposition.shut_down()
        _exposition = None


def render_metrics(accept: str = "") -> tuple[bytes, str]:
    """The metrics as Prometheus reads them, and the type of that text: OpenMetrics for who accepts it."""
    return (b"", "text/plain; version=0.0.4; charset=utf-8") if _exposition is None else _exposition.render(accept)
