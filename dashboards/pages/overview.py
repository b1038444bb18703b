"""Is it well? One look, then the page of whatever is not."""

from dashboards.model import Dashboard, Panel, Query
from dashboards.service_levels import LEVELS

OVERVIEW = Dashboard(
    "overview",
    "Overview",
    "Is it well?",
    (
        Panel(
            "Processes that answer",
            "How many processes of each service let themselves be scraped.",
            "as many as were asked for; a gap means crashes or nodes that died.",
            "short",
            (
                Query(
                    'sum by (causerie_service) (up{causerie_service=~"api|gateway|worker",HERE})',
                    "{{causerie_service}}",
                ),
            ),
            kind="number",
            bound=1,
            bad_below=True,
        ),
        Panel(
            "Stores reached",
            "1 while every process reaches the store, 0 while one does not.",
            "1 three times.",
            "short",
            (Query("min by (store) (causerie_store_up{HERE})", "{{store}}"),),
            kind="number",
            bound=1,
            bad_below=True,
        ),
        Panel(
            "Alerts",
            "Alerts of ours that fire now, by how urgent they are.",
            "none.",
            "short",
            tuple(
                Query(
                    f'count(ALERTS{{alertname=~"Causerie.*",alertstate="firing",severity="{severity}",HERE}})'
                    " or vector(0)",
                    f"{severity}s",
                )
                for severity in ("page", "ticket")
            ),
            kind="number",
            bound=1,
        ),
        Panel(
            "Connections",
            "Sockets open on all gateways.",
            "follows the day of your users; a step down that is no rollout is an outage.",
            "short",
            (Query("sum(causerie_gateway_connections{HERE})", "sockets"),),
            kind="number",
        ),
        Panel(
            "Late deliveries",
            "99 of 100 deliveries are written to their sockets within this time of the commit.",
            "below 250 ms.",
            "s",
            (
                Query(
                    "histogram_quantile(0.99, sum by (le)"
                    " (rate(causerie_delivery_duration_seconds_bucket{HERE}[WINDOW])))",
                    "p99",
                ),
            ),
            kind="number",
            bound=0.25,
        ),
        Panel(
            "Canary",
            "Messages that the canary sent itself and that did not arrive, in all; where one runs.",
            "0, always.",
            "short",
            (Query("sum by (dialect) (causerie_canary_lost_total{HERE})", "{{dialect}}"),),
            kind="number",
            bound=1,
        ),
        Panel(
            "Budgets burn",
            "How many times faster than its promise allows each service level is missed, over one hour.",
            "below 1; 14.4 for an hour costs a fiftieth of the month's budget and pages.",
            "short",
            tuple(Query(f"{level.ratio('1h')}{{HERE}} / {level.budget:g}", level.name) for level in LEVELS),
            bound=1,
        ),
        Panel(
            "Messages and deliveries",
            "Messages accepted a second, and events written to sockets a second.",
            "both follow the day together; deliveries without messages are edits, reads and members.",
            "cps",
            (
                Query("sum(rate(causerie_messages_accepted_total{HERE}[WINDOW]))", "messages"),
                Query("sum(rate(causerie_gateway_deliveries_total{HERE}[WINDOW]))", "deliveries"),
            ),
        ),
        Panel(
            "Refusals and failures",
            "What clients were answered instead of what they asked for, by code, the five most frequent.",
            "a floor of not_found and rate_limited; `internal` is a bug, `unavailable` a store.",
            "cps",
            (Query("topk(5, sum by (code) (rate(causerie_errors_total{HERE}[WINDOW])))", "{{code}}"),),
            kind="areas",
        ),
        Panel(
            "Loops",
            "The longest a timer waited for the event loop of any process, by service.",
            "below 50 ms; beyond 250 ms a process is overloaded or blocked.",
            "s",
            (
                Query(
                    "max by (causerie_service) (causerie_event_loop_lag_seconds{HERE})",
                    "{{causerie_service}}",
                ),
            ),
            bound=0.25,
        ),
    ),
)
