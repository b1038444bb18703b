"""What calls an operator besides the service levels: causes that users will notice later, and promises to ourselves.

A page means that users suffer now or within the day and that only a person can help.  While a store is away nothing
else that depends on it calls: one trouble makes one alarm.
"""

from dashboards.rules import Alert, Group

_SERVICES = 'causerie_service=~"api|gateway|worker"'
_UNLESS_AWAY = """
unless on (namespace) (
  min by (namespace) (max by (namespace, store) (causerie_store_up{store=~"postgresql|nats"})) == 0
)"""

AVAILABILITY = Group(
    "causerie-availability",
    (
        Alert(
            "CauserieServiceAway",
            f"""max by (namespace, causerie_service) (up{{{_SERVICES}}}) == 0
or (
  max by (namespace, causerie_service) (last_over_time(up{{{_SERVICES}}}[1h]))
  unless max by (namespace, causerie_service) (up{{{_SERVICES}}})
)""",
            wait="1m",
            severity="page",
            summary="No {{ $labels.causerie_service }} answers.",
            detail="Not one process of this service lets itself be scraped, or there is none any more.",
        ),
        Alert(
            "CauserieProcessAway",
            'up{causerie_service!=""} == 0',
            wait="1m",
            severity="ticket",
            summary="{{ $labels.causerie_service }} {{ $labels.instance }} does not answer.",
            detail="The others do its work; clients of a gateway have gone to its neighbours.",
        ),
        Alert(
            "CauserieStoreAway",
            "max by (namespace, store) (causerie_store_up) == 0",
            wait="1m",
            severity="page",
            summary="No process reaches {{ $labels.store }}.",
            detail="Sockets stay open; what needs this store is answered with 503 until it is back.",
        ),
        Alert(
            "CauserieStoreHalfAway",
            "min by (namespace, store) (causerie_store_up) == 0 and max by (namespace, store) (causerie_store_up) == 1",
            wait="5m",
            severity="ticket",
            summary="Some processes do not reach {{ $labels.store }}, others do.",
            detail="Clients of those processes are refused what needs this store: a policy, a node, a full pool?",
        ),
    ),
)

DELIVERY = Group(
    "causerie-delivery",
    (
        Alert(
            "CauserieStuckPosition",
            "max by (namespace) (causerie_log_position_age_seconds) > 60" + _UNLESS_AWAY,
            wait="1m",
            severity="page",
            summary="A shard has not been at the end of the log for {{ $value | humanizeDuration }}.",
            detail="Its worker does not get on: events of its conversations reach nobody until they ask.",
        ),
        Alert(
            "CauserieDeadLetters",
            "sum by (namespace, kind) (increase(causerie_dead_letters_total[10m])) > 0",
            wait="0s",
            severity="ticket",
            summary="{{ $labels.kind }}: something could not be handled and was left aside.",
            detail="The table dead_letters says what and why; everything else flows on.",
        ),
        Alert(
            "CauserieDeafConsumer",
            "sum by (namespace, causerie_service) (increase(causerie_bus_deaf_total[15m])) > 0",
            wait="0s",
            severity="ticket",
            summary="A subscription of {{ $labels.causerie_service }} heard nothing any more.",
            detail="It was made anew, and the log made good for what it missed; it should not happen at all.",
        ),
        Alert(
            "CauserieCanaryLost",
            "sum by (namespace, dialect) (increase(causerie_canary_lost_total[10m])) > 0",
            wait="0s",
            severity="page",
            summary="The canary lost a message over {{ $labels.dialect }}.",
            detail="A message that was acknowledged did not arrive in time: what must never happen.",
        ),
    ),
)

GATEWAYS = Group(
    "causerie-gateways",
    (
        Alert(
            "CauserieMemoryPerConnection",
            """(
  sum by (namespace, instance) (process_memory_usage_bytes) - 128 * 1024 * 1024
)
/ (sum by (namespace, instance) (causerie_gateway_connections) >= 2000) > 32 * 1024""",
            wait="30m",
            severity="ticket",
            summary="A connection of {{ $labels.instance }} costs {{ $value | humanize1024 }}B.",
            detail="An idle one takes 4 KiB; beyond 32 KiB the pod is full before it has its connections.",
        ),
        Alert(
            "CauserieLoopLag",
            "max by (namespace, causerie_service, instance) (causerie_event_loop_lag_seconds) > 0.25",
            wait="5m",
            severity="ticket",
            summary="The event loop of {{ $labels.causerie_service }} {{ $labels.instance }} is "
            "{{ $value | humanizeDuration }} late.",
            detail="Everything this process does waits that long: too little CPU, or something blocks the loop.",
        ),
        Alert(
            "CauserieImbalance",
            """max by (namespace) (sum by (namespace, instance) (causerie_gateway_connections))
/ (avg by (namespace) (sum by (namespace, instance) (causerie_gateway_connections)) >= 100) > 1.3""",
            wait="15m",
            severity="ticket",
            summary="One gateway has {{ $value | humanize }} times as many connections as they have on average.",
            detail="Gateways above 1.2 shed connections by themselves; this one has not for a quarter of an hour.",
        ),
        Alert(
            "CauserieAlmostFull",
            """sum by (namespace) (causerie_gateway_connections)
/ sum by (namespace) (causerie_gateway_max_connections) > 0.8""",
            wait="15m",
            severity="ticket",
            summary="{{ $value | humanizePercentage }} of all places for connections are taken.",
            detail="If one gateway dies now, the others may not have room for its clients.",
        ),
    ),
)

PARTITIONS = Group(
    "causerie-partitions",
    (
        Alert(
            "CauseriePartitionRunway",
            "max by (namespace) (causerie_partition_months_ahead) < 2",
            wait="10m",
            severity="ticket",
            summary="Partitions are there for {{ $value }} more months; there should be 3.",
            detail="The daily run of `causerie partitions ensure` has not succeeded for weeks.",
        ),
        Alert(
            "CauseriePartitionRunway",
            "max by (namespace) (causerie_partition_months_ahead) < 1",
            wait="10m",
            severity="page",
            summary="The next month has no partition.",
            detail="From its first second on every message goes to the default partition, whose repair is dear.",
        ),
        Alert(
            "CauserieDefaultRows",
            "max by (namespace) (causerie_default_partition_rows) > 0",
            wait="0s",
            severity="ticket",
            summary="{{ $value }} rows lie in a default partition.",
            detail="Nothing is lost or refused; the longer they lie there, the longer their repair takes.",
        ),
        Alert(
            "CauserieUpkeepLate",
            "time() - (max by (namespace, task) (causerie_partition_upkeep_last_success_seconds) > 0) > 36 * 3600",
            wait="10m",
            severity="ticket",
            summary="`causerie partitions {{ $labels.task }}` last succeeded {{ $value | humanizeDuration }} ago.",
            detail="It runs daily; without it there are no new partitions, and old ones stay.",
        ),
        Alert(
            "CauserieUpkeepLate",
            "max by (namespace, task) (causerie_partition_upkeep_last_success_seconds) == 0",
            wait="36h",
            severity="ticket",
            summary="`causerie partitions {{ $labels.task }}` has never succeeded.",
            detail="It runs daily; without it there are no new partitions, and old ones stay.",
            told_apart=(("ran", "never"),),
        ),
        Alert(
            "CauserieDetachPending",
            "max by (namespace) (causerie_partition_detach_pending) > 0",
            wait="1h",
            severity="ticket",
            summary="{{ $value }} partitions were left half detached.",
            detail="Something ended a DETACH in the middle; the next one of that table will fail.",
        ),
    ),
)

GROUPS = (AVAILABILITY, DELIVERY, GATEWAYS, PARTITIONS)
