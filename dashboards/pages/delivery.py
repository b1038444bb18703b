"""Do messages arrive, in time, all of them?"""

from dashboards.model import Dashboard, Panel, Query

_DELIVERY = "sum by (le) (rate(causerie_delivery_duration_seconds_bucket{HERE}[WINDOW]))"

DELIVERY = Dashboard(
    "delivery",
    "Delivery",
    "Do messages arrive, in time, all of them?",
    (
        Panel(
            "From commit to socket",
            "Half, 95 and 99 of 100 deliveries are written to their sockets within this time.",
            "the promise is 99 % within 250 ms; on a quiet day p99 is a few milliseconds.",
            "s",
            tuple(
                Query(f"histogram_quantile({q}, {_DELIVERY})", name)
                for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ),
            bound=0.25,
        ),
        Panel(
            "Late, by gateway",
            "Which part of each gateway's deliveries took longer than 250 ms.",
            "below 1 %; one gateway alone is that pod or its node, all of them the bus or the worker.",
            "percentunit",
            (
                Query(
                    '1 - sum by (instance) (rate(causerie_delivery_duration_seconds_bucket{le="0.25",HERE}[WINDOW]))'
                    " / sum by (instance) (rate(causerie_delivery_duration_seconds_count{HERE}[WINDOW]))",
                    "{{instance}}",
                ),
            ),
            bound=0.01,
        ),
        Panel(
            "Deliveries by gateway",
            "Events written to sockets a second.",
            "curves close together, as the connections are.",
            "cps",
            (Query("sum by (instance) (rate(causerie_gateway_deliveries_total{HERE}[WINDOW]))", "{{instance}}"),),
            kind="areas",
        ),
        Panel(
            "Waiting to be dispatched",
            "Age of the oldest event a worker has not yet sent on to gateways.",
            "milliseconds; seconds mean that a worker reads the log instead of hints, or cannot keep up.",
            "s",
            (Query("max by (instance) (causerie_dispatch_lag_seconds{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Gaps, resyncs, replays",
            "Gaps filled from the log, clients told to fetch for themselves, and streams begun again, a second.",
            "0; a burst after a store, NATS or a worker was away, then 0 again.",
            "cps",
            (
                Query("sum(rate(causerie_gaps_healed_total{HERE}[WINDOW]))", "gaps healed"),
                Query("sum(rate(causerie_resyncs_total{HERE}[WINDOW]))", "resyncs"),
                Query("sum(rate(causerie_worker_replays_total{HERE}[WINDOW]))", "replays"),
            ),
        ),
        Panel(
            "Lost on the bus",
            "Messages NATS did not take, subscriptions too slow or deaf, gaps told to listeners, a second.",
            "0; the log makes good for each, which costs PostgreSQL.",
            "cps",
            (
                Query("sum(rate(causerie_bus_dropped_total{HERE}[WINDOW]))", "dropped"),
                Query("sum(rate(causerie_bus_slow_consumer_total{HERE}[WINDOW]))", "slow"),
                Query("sum(rate(causerie_bus_deaf_total{HERE}[WINDOW]))", "deaf"),
                Query("sum(rate(causerie_bus_gaps_total{HERE}[WINDOW]))", "gaps"),
            ),
        ),
        Panel(
            "Dead letters",
            "What could not be handled and was left aside within the last hour, by what it was.",
            "0; the table dead_letters says what and why.",
            "short",
            (Query("sum by (kind) (increase(causerie_dead_letters_total{HERE}[1h]))", "{{kind}}"),),
            bound=1,
        ),
        Panel(
            "The canary's messages",
            "A send of the canary to its arrival, for 99 of 100, and since when nothing comes through; where one runs.",
            "below 250 ms, and 0 s.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (dialect, le)"
                    " (rate(causerie_canary_duration_seconds_bucket{HERE}[WINDOW])))",
                    "{{dialect}}, p99",
                ),
                Query("max by (dialect) (causerie_canary_down_seconds{HERE})", "{{dialect}}, down"),
            ),
            bound=0.25,
        ),
    ),
)
