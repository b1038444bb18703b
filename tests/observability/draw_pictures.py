"""The pictures of `docs/dashboards`: `make dashboard-pictures`. No test, but it needs the fleet and its Prometheus.

Two groups talk for two and a half minutes; a gateway is killed and comes back, PostgreSQL freezes for a while.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count, getloadavg
from pathlib import Path

from dashboards.model import Panel, Query
from dashboards.pages import PAGES
from dashboards.pictures import Curve, draw
from tests.observability.conftest import HASTEN, watch
from tests.observability.faults import FROZEN_POSTGRESQL, KILLED_GATEWAY
from tests.observability.prometheus import Prometheus, Series
from tests.observability.test_live import EVERYWHERE
from tests.observability.watched import WatchedFleet, busy

DOCS = Path(__file__).resolve().parents[2] / "docs" / "dashboards"
SECONDS, STEP_SECONDS, WINDOW = 150.0, 2.0, "8s"
CALM_SECONDS, DEAD_SECONDS, FROZEN_SECONDS = 40.0, 15.0, 8.0


async def test_draw_the_pictures(fleet: WatchedFleet, prometheus: Prometheus, module_database_url: str):
    async with busy(fleet), busy(fleet):
        await asyncio.sleep(CALM_SECONDS)
        async with KILLED_GATEWAY.breaks(fleet, module_database_url):
            await asyncio.sleep(DEAD_SECONDS)
        await watch(fleet, prometheus)
        await asyncio.sleep(CALM_SECONDS)
        async with FROZEN_POSTGRESQL.breaks(fleet, module_database_url):
            await asyncio.sleep(FROZEN_SECONDS)
        await asyncio.sleep(CALM_SECONDS)
        now = time.time()
        pages = {
            page.name: {panel.title: await answered(prometheus, panel, until=now) for panel in page.panels}
            for page in PAGES
        }
    caption = (
        f"{datetime.now(UTC):%Y-%m-%d}, load {getloadavg()[0]:.0f} on {cpu_count()} cores; two gateways, two groups; "
        f"a gateway killed, PostgreSQL frozen; rules {HASTEN} times hastened. Our own drawing of Grafana's page."
    )
    DOCS.mkdir(exist_ok=True)
    for page in PAGES:
        curves = pages[page.name]
        (DOCS / f"{page.name}.svg").write_text(draw(page, lambda panel, curves=curves: curves[panel.title], caption))


async def answered(prometheus: Prometheus, panel: Panel, *, until: float) -> Sequence[Curve]:
    curves = []
    for query in panel.queries:
        expr = query.promql(here=EVERYWHERE, window=WINDOW)
        spanned = await prometheus.query_range(expr, since=until - SECONDS, until=until, step_seconds=STEP_SECONDS)
        curves += [Curve(name_of(query, series), series.points) for series in spanned]
    return curves


def name_of(query: Query, series: Series) -> str:
    """The legend with its labels put in, as Grafana does."""
    name = query.legend
    for label, value in series.labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name
