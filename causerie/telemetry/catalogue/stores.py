"""PostgreSQL, Redis and NATS as our processes see them: pools, queues, breakers."""

from causerie.telemetry.catalogue.book import (
    CLIENTS_SERVED,
    STORES_OPEN,
    WORKER,
    buckets,
    durations,
    level,
    levels,
    total,
    totals,
)

STORE_UP = levels(
    STORES_OPEN,
    "causerie.store.up",
    "{store}",
    "1 while this process reaches a store, else 0.",
    by="store",
    known=["postgresql", "redis", "nats"],
)
STORE_FAILURES = totals(
    STORES_OPEN,
    "causerie.store.failures",
    "{failure}",
    "Uses of a store that failed because it did not answer.",
    by="store",
    known=["postgresql", "redis"],
)
DB_SECONDS = durations(STORES_OPEN, "db.client.operation.duration", "Duration of database client operations.")

# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────

POOL_CONNECTIONS = levels(
    STORES_OPEN,
    "db.client.connection.count",
    "{connection}",
    "Connections to PostgreSQL, by whether somebody uses them.",
    by="db.client.connection.state",
    known=["idle", "used"],
)
POOL_MAX = level(
    STORES_OPEN, "db.client.connection.max", "{connection}", "How many connections to PostgreSQL there may be."
)
POOL_WAITING = level(
    STORES_OPEN, "db.client.connection.pending_requests", "{request}", "Who waits for a connection to PostgreSQL."
)
POOL_WAIT_SECONDS = buckets(
    STORES_OPEN, "db.client.connection.wait_time", "How long somebody waited for a connection to PostgreSQL."
)
POSTS_QUEUED = level(
    CLIENTS_SERVED, "causerie.posts.queued", "{draft}", "Drafts that wait for a transaction to write them."
)
POSTS_OLDEST_SECONDS = level(CLIENTS_SERVED, "causerie.posts.oldest", "s", "How long the oldest of them has waited.")
POSTS_IN_FLIGHT = level(
    CLIENTS_SERVED, "causerie.posts.in_flight", "{transaction}", "Transactions that write drafts now."
)
POSTS_BATCH_SIZE = buckets(
    CLIENTS_SERVED,
    "causerie.posts.batch_size",
    "Drafts in one transaction.",
    unit="{draft}",
    bounds=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
PARTITION_MONTHS_AHEAD = level(
    [WORKER], "causerie.partition.months_ahead", "{month}", "Months after this one that have their partitions."
)
DEFAULT_PARTITION_ROWS = level(
    [WORKER], "causerie.default_partition.rows", "{row}", "Rows that found no monthly partition; any is an alert."
)
DETACH_PENDING = level(
    [WORKER], "causerie.partition.detach_pending", "{partition}", "Partitions that were left half detached."
)
UPKEEP_SUCCEEDED_AT = levels(
    [WORKER],
    "causerie.partition.upkeep.last_success",
    "s",
    "When the upkeep of partitions last succeeded, as Unix time; 0 for never.",
    by="task",
    known=["ensure", "retain"],
)

# ── Redis ───────────────────────────────────────────────────────────────────────────────────────────────────────

CACHE_BREAKER_OPENED = total(
    STORES_OPEN, "causerie.cache.breaker.opened", "{time}", "Times Redis was given up until it answers again."
)
CACHE_CALLS = levels(
    STORES_OPEN,
    "causerie.cache.calls",
    "{call}",
    "Calls to Redis under way, and those that wait for their turn.",
    by="state",
    known=["running", "waiting"],
)
CACHE_SLOTS = level(
    STORES_OPEN, "causerie.cache.slots", "{slot}", "Slots of the Redis Cluster whose node is known; 16384 is all."
)
CACHE_READS = totals(
    CLIENTS_SERVED,
    "causerie.cache.reads",
    "{read}",
    "Pages of history asked of Redis: whole and current, a little behind, not there or of no use, or Redis away.",
    by="result",
    known=["hit", "behind", "miss", "away"],
)

# ── NATS ────────────────────────────────────────────────────────────────────────────────────────────────────────

BUS_RECONNECTS = total(STORES_OPEN, "causerie.bus.reconnects", "{time}", "Times NATS was reached again.")
BUS_MESSAGES = totals(
    STORES_OPEN, "causerie.bus.messages", "{message}", "Messages of NATS.", by="direction", known=["in", "out"]
)
BUS_BYTES = totals(
    STORES_OPEN, "causerie.bus.traffic", "By", "Bytes of messages of NATS.", by="direction", known=["in", "out"]
)
BUS_WAITING_BYTES = levels(
    STORES_OPEN,
    "causerie.bus.waiting",
    "By",
    "Bytes that NATS has not taken yet, or that we have not read yet.",
    by="direction",
    known=["in", "out"],
)
BUS_DROPPED = total(
    STORES_OPEN, "causerie.bus.dropped", "{message}", "Messages that did not leave; the log makes good for them."
)
BUS_SLOW = total(
    STORES_OPEN, "causerie.bus.slow_consumer", "{time}", "Times a subscription of ours was too slow and lost messages."
)
BUS_DEAF = total(STORES_OPEN, "causerie.bus.deaf", "{time}", "Times a subscription was found to hear nothing any more.")
BUS_GAPS = total(
    STORES_OPEN, "causerie.bus.gaps", "{gap}", "Times a listener was told that it may have missed something."
)
