"""The services as they are, watched by a real Prometheus: every picture has its curves, every fault its alert."""

import asyncio
import math
import re
import time
from collections.abc import Iterable

from dashboards.alerts import GROUPS
from dashboards.pages import PAGES
from dashboards.rules import Record, hastened
from dashboards.service_levels import groups
from tests.observability.conftest import HASTEN
from tests.observability.prometheus import Prometheus
from tests.observability.watched import WatchedFleet, busy

EVERYWHERE = 'namespace=~".*"'
WINDOW = "5s"
FILLED_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 1.0
SELECTOR = re.compile(r"\b(?:up|(?:causerie_(?!service\b)|http_|db_|process_)\w+|causerie:\w+:\w+)(?:\{[^}]*\})?")
ONLY_WITH_A_CANARY = ("causerie_canary_lost_total",)


def panel_queries() -> dict[str, str]:
    """Every query of every panel that a healthy platform under traffic must fill, by where it is."""
    return {
        f"{page.title} / {panel.title} / {query.legend}": query.promql(here=EVERYWHERE, window=WINDOW)
        for page in PAGES
        for panel in page.panels
        for query in panel.queries
        if not query.rare
    }


def rule_queries() -> dict[str, str]:
    """What rules record, and every series that an alert looks at: the alert itself is empty while all is well."""
    queries = {}
    for rule in (rule for group in [*groups(), *GROUPS] for rule in group.rules):
        if isinstance(rule, Record):
            queries[f"record {rule.name}"] = hastened(rule.expr, HASTEN)
        else:
            looks_at = {one for one in SELECTOR.findall(rule.expr) if not one.startswith(ONLY_WITH_A_CANARY)}
            queries |= {f"alert {rule.name} looks at {one}": one for one in looks_at}
    return queries


def rare_queries() -> Iterable[str]:
    for page in PAGES:
        for panel in page.panels:
            yield from (query.promql(here=EVERYWHERE, window=WINDOW) for query in panel.queries if query.rare)


async def empty(prometheus: Prometheus, queries: dict[str, str]) -> dict[str, str]:
    """Those that have no value now; a query that fails is an AssertionError."""
    return {
        place: query
        for place, query in queries.items()
        if all(math.isnan(value) for series in await prometheus.query(query) for _, value in series.points)
    }


async def test_no_panel_and_no_rule_is_empty_or_fails_while_people_use_the_platform(
    fleet: WatchedFleet, prometheus: Prometheus
):
    still_empty = panel_queries() | rule_queries()
    deadline = time.monotonic() + FILLED_SECONDS

    async with busy(fleet):
        while (still_empty := await empty(prometheus, still_empty)) and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    assert still_empty == {}
    for query in rare_queries():
        await prometheus.query(query)
    assert await prometheus.failing_rules() == []
