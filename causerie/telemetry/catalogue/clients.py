"""What clients notice: requests, sockets, deliveries."""

from collections.abc import Iterable

from causerie.domain.errors import CauserieError
from causerie.protocol.close_codes import CloseCode
from causerie.telemetry.catalogue.book import (
    API,
    CLIENTS_SERVED,
    GATEWAY,
    STORES_OPEN,
    WORKER,
    buckets,
    durations,
    level,
    levels,
    total,
    totals,
)


def _codes(error: type[CauserieError]) -> Iterable[str]:
    for kind in error.__subclasses__():
        yield kind.code
        yield from _codes(kind)


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────

HTTP_SECONDS = durations([API], "http.server.request.duration", "Duration of HTTP server requests.")
HTTP_ACTIVE = level([API], "http.server.active_requests", "{request}", "Requests that are being answered.")
ERRORS = totals(
    CLIENTS_SERVED,
    "causerie.errors",
    "{error}",
    "Refusals and failures answered to clients, by their code.",
    by="code",
    known=sorted({*_codes(CauserieError), "internal"}),
)

# ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

CONNECTIONS = levels(
    [GATEWAY],
    "causerie.gateway.connections",
    "{connection}",
    "Sockets open on this gateway.",
    by="dialect",
    known=["native"],
)
MAX_CONNECTIONS = level(
    [GATEWAY], "causerie.gateway.max_connections", "{connection}", "How many sockets this gateway takes."
)
STRANGERS = level(
    [GATEWAY],
    "causerie.gateway.strangers",
    "{connection}",
    "Connections at the door: no sockets yet, or nobody has said who he is.",
)
FLEET_GATEWAYS = level([GATEWAY], "causerie.fleet.gateways", "{gateway}", "Gateways alive, as this one hears.")
FLEET_MEAN_CONNECTIONS = level(
    [GATEWAY],
    "causerie.fleet.mean_connections",
    "{connection}",
    "Sockets open on a gateway on average, as this one hears.",
)
HANDSHAKES = totals(
    [GATEWAY],
    "causerie.gateway.handshakes",
    "{handshake}",
    "Upgrades asked for, by what came of them.",
    by="result",
    known=["accepted", "unauthenticated", "forbidden", "malformed", "draining", "full", "crowded", "paced", "timeout"],
)
HANDSHAKE_SECONDS = buckets(
    [GATEWAY], "causerie.gateway.handshake.duration", "From a connection that was accepted to its 101."
)
ENTRY_SECONDS = buckets(
    [GATEWAY], "causerie.gateway.entry.duration", "From a credential to the welcome of whom it belongs to."
)
CLOSES = totals(
    [GATEWAY],
    "causerie.gateway.closes",
    "{connection}",
    "Sockets closed, by reason.",
    by="reason",
    known=[*(code.name.lower() for code in CloseCode), "rebalance", "age", "client", "lost"],
)
OP_SECONDS = buckets(
    [GATEWAY],
    "causerie.gateway.op.duration",
    "From an op in its turn to its answer.",
    by="op",
    known=[
        "send",
        "edit",
        "delete",
        "read",
        "markunread",
        "typing",
        "presence",
        "watch",
        "unwatch",
        "subscribe",
        "unsubscribe",
        "history",
        "sync",
        "ping",
    ],
)
SENT_BYTES = total([GATEWAY], "causerie.gateway.sent", "By", "Bytes of frames given to sockets.")
SEND_QUEUE_BYTES = level([GATEWAY], "causerie.gateway.send_queue", "By", "Bytes waiting for sockets that read slowly.")
FAN_OUT_WAITING = levels(
    [GATEWAY],
    "causerie.gateway.fan_out.waiting",
    "{delivery}",
    "Events received that are still to be given to sockets.",
    by="audience",
    known=["direct", "channel"],
)

# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────

MESSAGES_ACCEPTED = total(
    CLIENTS_SERVED,
    "causerie.messages.accepted",
    "{message}",
    "Messages committed and acknowledged, repeats not counted.",
)
DELIVERIES = total(
    [GATEWAY], "causerie.gateway.deliveries", "{delivery}", "Events written to the sockets of recipients."
)
DELIVERY_SECONDS = buckets(
    [GATEWAY], "causerie.delivery.duration", "From the commit of an event to its write on the sockets of this node."
)
RESYNCS = total(
    [GATEWAY],
    "causerie.resyncs",
    "{frame}",
    "Times a client was told to fetch what could not be filled for it.",
)
DEAD_LETTERS = totals(
    STORES_OPEN,
    "causerie.dead_letters",
    "{letter}",
    "What could not be handled and was left aside, by what it was; any is an alert.",
    by="kind",
    known=["event", "hint", "delivery", "frame", "message", "envelope", "cache"],
)

# ── workers ─────────────────────────────────────────────────────────────────────────────────────────────────────

DISPATCH_LAG_SECONDS = level(
    [WORKER], "causerie.dispatch.lag", "s", "Age of the oldest event not yet sent on to nodes."
)
DISPATCHED = total([WORKER], "causerie.dispatch.events", "{event}", "Events sent on to nodes.")
GAPS_HEALED = total(
    [WORKER], "causerie.gaps.healed", "{gap}", "Gaps in hints or batches filled from the ring or the log."
)
SHARDS_OWNED = level([WORKER], "causerie.worker.shards", "{shard}", "Shards this worker owns.")
NODES_KNOWN = level([WORKER], "causerie.worker.nodes", "{node}", "Gateways whose seats this worker knows.")
LOG_POSITION_AGE_SECONDS = level(
    [WORKER],
    "causerie.log.position.age",
    "s",
    "The longest that a shard owned here has not been confirmed to be at the end of the log.",
)
CONVERSATIONS_READING = level(
    [WORKER], "causerie.worker.reading", "{conversation}", "Conversations that are read from the log, or wait for it."
)
REPLAYS = total([WORKER], "causerie.worker.replays", "{replay}", "Streams to nodes begun again from the log.")
