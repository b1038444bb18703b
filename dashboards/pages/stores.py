"""Do PostgreSQL, Redis and NATS answer us, and have they room?"""

from dashboards.model import Dashboard, Panel, Query

STORES = Dashboard(
    "stores",
    "Stores",
    "Do PostgreSQL, Redis and NATS answer us, and have they room?",
    (
        Panel(
            "Reached",
            "Which part of our processes reaches the store.",
            "100 %; 0 % pages, in between it is the way there and not the store.",
            "percentunit",
            (Query("avg by (store) (causerie_store_up{HERE})", "{{store}}"),),
            bound=1,
            bad_below=True,
        ),
        Panel(
            "Failures",
            "Uses of a store that failed because it did not answer, a second.",
            "0.",
            "cps",
            (Query("sum by (store) (rate(causerie_store_failures_total{HERE}[WINDOW]))", "{{store}}"),),
        ),
        Panel(
            "Round trips",
            "Round trips to PostgreSQL and Redis a second, by what for, the eight most frequent.",
            "follows messages and connections; a line that leaves them is a loop.",
            "cps",
            (
                Query(
                    "topk(8, sum by (db_system_name, db_operation_name)"
                    " (rate(db_client_operation_duration_seconds_count{HERE}[WINDOW])))",
                    "{{db_system_name}} {{db_operation_name}}",
                ),
            ),
        ),
        Panel(
            "Time of a round trip",
            "99 of 100 round trips take no longer.",
            "PostgreSQL below 50 ms, Redis below 10 ms.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (db_system_name, le)"
                    ' (rate(db_client_operation_duration_seconds_bucket{db_system_name!="",HERE}[WINDOW])))',
                    "{{db_system_name}}, p99",
                ),
            ),
            bound=0.05,
        ),
        Panel(
            "Connections to PostgreSQL",
            "Connections of all pools by whether somebody uses them, and how many there may be.",
            "used is well below the most there may be; idle ones are what the next tower needs.",
            "short",
            (
                Query(
                    "sum by (db_client_connection_state) (db_client_connection_count{HERE})",
                    "{{db_client_connection_state}}",
                ),
                Query("sum(db_client_connection_max{HERE})", "most"),
            ),
        ),
        Panel(
            "Waiting for a connection",
            "How long 99 of 100 waited for a connection to PostgreSQL, and how many wait now.",
            "0; waiting means that the pools are too small or transactions too long.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (causerie_service, le)"
                    " (rate(db_client_connection_wait_time_seconds_bucket{HERE}[WINDOW]))) >= 0",
                    "{{causerie_service}}, p99",
                ),
            ),
            bound=0.1,
        ),
        Panel(
            "Drafts in a transaction",
            "How many messages one transaction writes, on average.",
            "1 when it is quiet, more the busier it is: that is how PostgreSQL keeps up.",
            "short",
            (
                Query(
                    "sum by (causerie_service) (rate(causerie_posts_batch_size_sum{HERE}[WINDOW]))"
                    " / sum by (causerie_service) (rate(causerie_posts_batch_size_count{HERE}[WINDOW]))",
                    "{{causerie_service}}",
                ),
            ),
        ),
        Panel(
            "Months ahead",
            "Months after this one that have their partitions.",
            "3; below 2 the daily run has failed for weeks.",
            "short",
            (Query("max(causerie_partition_months_ahead{HERE})", "months"),),
            bound=2,
            bad_below=True,
        ),
        Panel(
            "Rows in default partitions",
            "Rows that found no partition of their month, and partitions left half detached.",
            "0 and 0.",
            "short",
            (
                Query("max(causerie_default_partition_rows{HERE})", "rows"),
                Query("max(causerie_partition_detach_pending{HERE})", "half detached"),
            ),
            bound=1,
        ),
        Panel(
            "History from Redis",
            "Which part of the pages of history Redis answered, whole and current.",
            "above 80 %; `away` is Redis itself, `miss` a cold or too small cache.",
            "percentunit",
            (
                Query(
                    "sum by (result) (rate(causerie_cache_reads_total{HERE}[WINDOW]))"
                    " / scalar(sum(rate(causerie_cache_reads_total{HERE}[WINDOW])))",
                    "{{result}}",
                ),
            ),
            kind="areas",
        ),
        Panel(
            "Calls to Redis",
            "Calls under way and those that wait for their turn.",
            "few, and nobody waits.",
            "short",
            (Query("sum by (state) (causerie_cache_calls{HERE})", "{{state}}"),),
        ),
        Panel(
            "Redis given up",
            "Times a second that a process gave Redis up until it answers again.",
            "0.",
            "cps",
            (
                Query(
                    "sum by (causerie_service) (rate(causerie_cache_breaker_opened_total{HERE}[WINDOW]))",
                    "{{causerie_service}}",
                ),
            ),
        ),
        Panel(
            "Slots of the Redis Cluster",
            "The fewest slots whose node a process knows.",
            "16,384, which is all.",
            "short",
            (Query("min(causerie_cache_slots{HERE})", "slots known"),),
            bound=16384,
            bad_below=True,
        ),
        Panel(
            "Messages of NATS",
            "Messages in and out of our processes a second.",
            "follows the messages of users; what comes in is what goes out times the gateways concerned.",
            "cps",
            (Query("sum by (direction) (rate(causerie_bus_messages_total{HERE}[WINDOW]))", "{{direction}}"),),
        ),
        Panel(
            "Waiting for NATS",
            "Bytes that NATS has not taken yet, or that we have not read yet.",
            "near 0.",
            "bytes",
            (Query("sum by (direction) (causerie_bus_waiting_bytes{HERE})", "{{direction}}"),),
        ),
        Panel(
            "NATS reached again",
            "Reconnections to NATS within five minutes, by service.",
            "0; a few while NATS is updated.",
            "short",
            (
                Query(
                    "sum by (causerie_service) (increase(causerie_bus_reconnects_total{HERE}[5m]))",
                    "{{causerie_service}}",
                ),
            ),
        ),
    ),
)
