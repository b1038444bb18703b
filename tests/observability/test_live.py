"""The services as they are, watched by a real Prometheus: every picture has its curves, every fault its alert."""

import asyncio
import math
import os
import re
import time
from random import Random

import pytest

from dashboards import service_levels
from dashboards.alerts import GROUPS
from dashboards.pages import PAGES
from dashboards.rules import Record, hastened
from tests.observability.conftest import HASTEN
from tests.observability.faults import EVERY_FAULT, KILLED_GATEWAY, OPERATOR_SECONDS, Fault
from tests.observability.fuzz import MARK, a_round
from tests.observability.prometheus import Prometheus
from tests.observability.watched import WatchedFleet, busy
from tests.support.waiting import eventually

EVERYWHERE = 'namespace=~".*"'
WINDOW = "6s"
FILLED_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 1.0
SELECTOR = re.compile(r"\b(?:up|(?:causerie_(?!service\b)|http_|db_|process_)\w+|causerie:\w+:\w+)(?:\{[^}]*\})?")
LEVELS = frozenset(level.alert for level in service_levels.LEVELS)
ALL = os.environ.get("FAULTS") == "all"
"""`make alerts-proof` breaks everything and looks on for two minutes of an operator; here one fault must do."""
FAULTS = EVERY_FAULT if ALL else (KILLED_GATEWAY,)
ROUNDS = 20 if ALL else 2
MAX_SERIES = 2_500
"""Of an API and a gateway together, every route and every code seen."""
HOLD_SECONDS = OPERATOR_SECONDS / HASTEN if ALL else 0.0


def panel_queries() -> dict[str, str]:
    """Every query of every panel, by where it is."""
    return {
        f"{page.title} / {panel.title} / {query.legend}": query.promql(here=EVERYWHERE, window=WINDOW)
        for page in PAGES
        for panel in page.panels
        for query in panel.queries
    }


def rule_queries() -> dict[str, str]:
    """What rules record, and every series that an alert looks at: the alert itself is empty while all is well."""
    queries = {}
    for rule in (rule for group in [*service_levels.groups(), *GROUPS] for rule in group.rules):
        if isinstance(rule, Record):
            queries[f"record {rule.name}"] = hastened(rule.expr, HASTEN)
        else:
            looks_at = set(SELECTOR.findall(rule.expr))
            queries |= {f"alert {rule.name} looks at {one}": one for one in looks_at}
    return queries


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
    assert await prometheus.failing_rules() == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.strip("_"))
async def test_a_fault_calls_by_its_own_name_and_wakes_nobody_for_anything_else(
    fleet: WatchedFleet, prometheus: Prometheus, module_database_url: str, fault: Fault
):
    async def quiet() -> bool:
        return await calls(prometheus) == set()

    async def called() -> bool:
        return (fault.alert, fault.severity) in await calls(prometheus)

    await eventually(quiet, timeout_seconds=FILLED_SECONDS, what="nothing calls before")

    async with busy(fleet), fault.breaks(fleet, module_database_url):
        began = time.monotonic()
        await eventually(called, timeout_seconds=fault.after_seconds, what=f"{fault.alert} calls")
        while True:
            pages = {alert for alert, severity in await calls(prometheus) if severity == "page"}
            assert pages <= {fault.alert}
            if time.monotonic() - began > HOLD_SECONDS:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def calls(prometheus: Prometheus) -> set[tuple[str, str]]:
    """What calls now, and how; service levels aside: a fault may cost users something, and then they say so."""
    firing = await prometheus.firing()
    assert not [one.says for one in firing if "{{" in one.says or "<error" in one.says]
    return {(one.name, one.severity) for one in firing if one.name not in LEVELS}


async def test_words_of_strangers_make_no_series(fleet: WatchedFleet):
    api, gateway = fleet.apis[0], fleet.gateways[0]
    random = Random(7)

    async def series() -> set[str]:
        shown = [(await service.metrics()).splitlines() for service in (api, gateway)]
        return {line.rpartition(" ")[0] for lines in shown for line in lines if not line.startswith("#")}

    await a_round(api, gateway, random)
    after_one = await series()
    for _ in range(ROUNDS):
        await a_round(api, gateway, random)
    after_more = await series()

    assert not [name for name in after_more if MARK in name.lower()]
    assert after_more - after_one == set()
    assert len(after_more) < MAX_SERIES
