"""Does the API answer, quickly and rightly?"""

from dashboards.model import Dashboard, Panel, Query

_SECONDS = "http_server_request_duration_seconds"

API = Dashboard(
    "api",
    "API",
    "Does the API answer, quickly and rightly?",
    (
        Panel(
            "Requests",
            "Requests answered a second, by route, the eight most frequent.",
            "follows the day; one route that jumps is a client gone wrong.",
            "reqps",
            (Query(f"topk(8, sum by (http_route) (rate({_SECONDS}_count{{HERE}}[WINDOW])))", "{{http_route}}"),),
            kind="areas",
        ),
        Panel(
            "Answers by status",
            "Requests answered a second, by class of their status.",
            "2xx nearly alone; 5xx is ours, 4xx is theirs.",
            "reqps",
            (
                Query(
                    "sum by (class) (label_replace("
                    f'rate({_SECONDS}_count{{HERE}}[WINDOW]), "class", "${{1}}xx", '
                    '"http_response_status_code", "(.).."))',
                    "{{class}}",
                ),
            ),
            kind="areas",
        ),
        Panel(
            "Failed",
            "Which part of the requests was answered with 5xx.",
            "below 0.1 %, which is the promise.",
            "percentunit",
            (
                Query(
                    f'1 - sum(rate({_SECONDS}_count{{http_response_status_code!~"5..",HERE}}[WINDOW]))'
                    f" / sum(rate({_SECONDS}_count{{HERE}}[WINDOW]))",
                    "5xx",
                ),
            ),
            bound=0.001,
        ),
        Panel(
            "Time to answer",
            "Half, 95 and 99 of 100 requests are answered within this time.",
            "p99 below 100 ms; requests that fail for want of a store take 2.5 s.",
            "s",
            tuple(
                Query(f"histogram_quantile({q}, sum by (le) (rate({_SECONDS}_bucket{{HERE}}[WINDOW])))", name)
                for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ),
        ),
        Panel(
            "Slowest routes",
            "99 of 100 requests of a route are answered within this time, the five slowest routes.",
            "search and long histories lead; a route that is new here has a new query.",
            "s",
            (
                Query(
                    "topk(5, histogram_quantile(0.99, sum by (http_route, le)"
                    f" (rate({_SECONDS}_bucket{{HERE}}[WINDOW]))) >= 0)",
                    "{{http_route}}",
                ),
            ),
        ),
        Panel(
            "Under way",
            "Requests that are being answered now, by process.",
            "few and even; a hill means that they wait for a store.",
            "short",
            (Query("sum by (instance) (http_server_active_requests{HERE})", "{{instance}}"),),
        ),
        Panel(
            "Drafts that wait",
            "Messages that wait for a transaction to write them, by service.",
            "0 or few; thousands mean that PostgreSQL takes less than is sent, and sends are refused soon.",
            "short",
            (Query("sum by (causerie_service) (causerie_posts_queued{HERE})", "{{causerie_service}}"),),
        ),
        Panel(
            "Oldest draft",
            "How long the oldest draft has waited for its transaction.",
            "milliseconds; after seconds its sender is told to try again.",
            "s",
            (Query("max by (causerie_service) (causerie_posts_oldest_seconds{HERE})", "{{causerie_service}}"),),
            bound=1,
        ),
        Panel(
            "Loop lag",
            "The longest a timer waited for the event loop of each API process.",
            "below 50 ms.",
            "s",
            (
                Query(
                    'max by (instance) (causerie_event_loop_lag_seconds{causerie_service="api",HERE})',
                    "{{instance}}",
                ),
            ),
            bound=0.25,
        ),
        Panel(
            "Processor",
            "Cores each API process uses.",
            "below 0.7: one process has one core for its loop.",
            "short",
            (
                Query(
                    'sum by (instance) (rate(process_cpu_time_seconds_total{causerie_service="api",HERE}[WINDOW]))',
                    "{{instance}}",
                ),
            ),
            bound=0.7,
        ),
    ),
)
