"""Do the gateways carry their connections, and are they carried evenly?"""

from dashboards.model import Dashboard, Panel, Query

GATEWAYS = Dashboard(
    "gateways",
    "Gateways",
    "Do the gateways carry their connections, evenly, and let new ones in?",
    (
        Panel(
            "Connections by gateway",
            "Sockets open on each gateway.",
            "curves close together; a drain goes to 0 in a straight line, not in a step.",
            "short",
            (Query("sum by (instance) (causerie_gateway_connections{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Balance",
            "The fullest gateway beside their mean.",
            "below 1.2; above, it sheds connections by itself until 1.05.",
            "short",
            (
                Query(
                    "max(sum by (namespace, instance) (causerie_gateway_connections{HERE}))"
                    " / avg(sum by (namespace, instance) (causerie_gateway_connections{HERE}))",
                    "fullest / mean",
                ),
            ),
            bound=1.3,
        ),
        Panel(
            "Handshakes",
            "Upgrades asked for a second, by what came of them.",
            "accepted nearly alone; paced and draining during a rollout; crowded or malformed is an attack or a bug.",
            "cps",
            (Query("sum by (result) (rate(causerie_gateway_handshakes_total{HERE}[WINDOW]))", "{{result}}"),),
            kind="areas",
        ),
        Panel(
            "Time to be let in",
            "From the connection to its 101, and from the credential to the welcome, for 99 of 100.",
            "both below 1 s, on a quiet day below 50 ms.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (le)"
                    " (rate(causerie_gateway_handshake_duration_seconds_bucket{HERE}[WINDOW])))",
                    "101, p99",
                ),
                Query(
                    "histogram_quantile(0.99, sum by (le)"
                    " (rate(causerie_gateway_entry_duration_seconds_bucket{HERE}[WINDOW])))",
                    "welcome, p99",
                ),
            ),
            bound=1,
        ),
        Panel(
            "Closes",
            "Sockets closed a second, by reason, the eight most frequent.",
            "client and lost; `slow` are readers on bad lines, `restart` a rollout, `silent` networks that died.",
            "cps",
            (Query("topk(8, sum by (reason) (rate(causerie_gateway_closes_total{HERE}[WINDOW])))", "{{reason}}"),),
            kind="areas",
        ),
        Panel(
            "At the door",
            "Connections that are no sockets yet, or of whom nobody knows who they are.",
            "few; a tower is a herd that comes back or somebody who only opens connections.",
            "short",
            (Query("sum by (instance) (causerie_gateway_strangers{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Send queues",
            "Bytes that wait for sockets that read slowly.",
            "near 0; one slow reader is closed at 1 MiB, so towers are many of them.",
            "bytes",
            (Query("sum by (instance) (causerie_gateway_send_queue_bytes{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Fan-out that waits",
            "Events received that are still to be given to sockets, by audience.",
            "0 nearly always; a hill that stays means more events than the gateways can write.",
            "short",
            (Query("sum by (audience) (causerie_gateway_fan_out_waiting{HERE})", "{{audience}}"),),
        ),
        Panel(
            "Answers to ops",
            "From an op in its turn to its answer, for 99 of 100, by op.",
            "below 100 ms; send and read wait for PostgreSQL, typing does not.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (op, le)"
                    " (rate(causerie_gateway_op_duration_seconds_bucket{HERE}[WINDOW]))) >= 0",
                    "{{op}}",
                ),
            ),
        ),
        Panel(
            "Loop lag",
            "The longest a timer waited for the event loop of each gateway.",
            "below 50 ms; everything a gateway does waits that long.",
            "s",
            (
                Query(
                    'max by (instance) (causerie_event_loop_lag_seconds{causerie_service="gateway",HERE})',
                    "{{instance}}",
                ),
            ),
            bound=0.25,
        ),
        Panel(
            "Processor",
            "Cores each gateway uses.",
            "below 0.7: one process has one core for its loop, and a neighbour's clients must fit beside its own.",
            "short",
            (
                Query(
                    'sum by (instance) (rate(process_cpu_time_seconds_total{causerie_service="gateway",HERE}[WINDOW]))',
                    "{{instance}}",
                ),
            ),
            bound=0.7,
        ),
        Panel(
            "Leaving",
            "Gateways that drain, and how many each gateway hears of.",
            "0 drain outside a rollout; all hear of as many as there are.",
            "short",
            (
                Query('sum(causerie_draining{causerie_service="gateway",HERE})', "draining"),
                Query("min(causerie_fleet_gateways{HERE})", "heard of, the fewest"),
            ),
        ),
    ),
)
