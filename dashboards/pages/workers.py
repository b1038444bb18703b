"""Do the workers keep up, and did the jobs run?"""

from dashboards.model import Dashboard, Panel, Query

WORKERS = Dashboard(
    "workers",
    "Workers and jobs",
    "Do the workers keep up, and did the jobs run?",
    (
        Panel(
            "Shards by worker",
            "How the conversations are divided among the workers.",
            "even, and the sum does not change; a dip of some seconds is a worker that left.",
            "short",
            (Query("sum by (instance) (causerie_worker_shards{HERE})", "{{instance}}"),),
            kind="areas",
        ),
        Panel(
            "Events sent on",
            "Events a second that workers sent on to gateways.",
            "follows the messages.",
            "cps",
            (Query("sum by (instance) (rate(causerie_dispatch_events_total{HERE}[WINDOW]))", "{{instance}}"),),
            kind="areas",
        ),
        Panel(
            "Behind",
            "Age of the oldest event not yet sent on.",
            "milliseconds.",
            "s",
            (Query("max by (instance) (causerie_dispatch_lag_seconds{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Position in the log",
            "The longest that a shard has not been confirmed to be at the end of the log.",
            "a saw below 30 s; a line that climbs is a shard that is stuck.",
            "s",
            (Query("max by (instance) (causerie_log_position_age_seconds{HERE})", "{{instance}}"),),
            bound=60,
        ),
        Panel(
            "Read from the log",
            "Conversations that are read from the log instead of from hints, or wait for it.",
            "0; a hill after NATS or a worker was away.",
            "short",
            (Query("sum by (instance) (causerie_worker_reading{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Gateways known",
            "Gateways whose seats each worker knows.",
            "as many as there are; a worker that knows fewer sends too little.",
            "short",
            (Query("sum by (instance) (causerie_worker_nodes{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Background tasks",
            "Since the last round of a background task that succeeded, the oldest of each kind.",
            "each a saw of its own height; a line that climbs is a task that fails again and again.",
            "s",
            (Query("max by (task) (causerie_task_age_seconds{HERE})", "{{task}}"),),
        ),
        Panel(
            "Upkeep of partitions",
            "Since `causerie partitions ensure` and `retain` last succeeded.",
            "below 24 h, for they run daily.",
            "s",
            (
                Query(
                    "time() - (max by (task) (causerie_partition_upkeep_last_success_seconds{HERE}) > 0)",
                    "{{task}}",
                ),
            ),
            bound=129600,
        ),
        Panel(
            "Loop lag",
            "The longest a timer waited for the event loop of each worker.",
            "below 50 ms.",
            "s",
            (
                Query(
                    'max by (instance) (causerie_event_loop_lag_seconds{causerie_service="worker",HERE})',
                    "{{instance}}",
                ),
            ),
            bound=0.25,
        ),
        Panel(
            "Processor",
            "Cores each worker uses.",
            "below 0.7; add workers before that, shards move by themselves.",
            "short",
            (
                Query(
                    'sum by (instance) (rate(process_cpu_time_seconds_total{causerie_service="worker",HERE}[WINDOW]))',
                    "{{instance}}",
                ),
            ),
            bound=0.7,
        ),
        Panel(
            "Clocks",
            "How far the clock of a machine is from PostgreSQL's.",
            "below 100 ms; what clients see goes by PostgreSQL's.",
            "s",
            (Query("max by (causerie_service) (abs(causerie_clock_skew_seconds{HERE}))", "{{causerie_service}}"),),
            bound=1,
        ),
        Panel(
            "Versions",
            "How many processes run each version.",
            "one version, two during a rollout.",
            "short",
            (Query("count by (version) (causerie_build_info{HERE})", "{{version}}"),),
            kind="areas",
        ),
    ),
)
