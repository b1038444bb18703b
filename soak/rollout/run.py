"""One rollout: people talk while gateways are replaced, one is added, and one taken away."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from causerie.lifetime import beside
from soak import ledger, presence, truth
from soak.crowd import Crowd, crowd
from soak.evidence import Struck
from soak.faults import state_of
from soak.progress import Show, shown
from soak.rollout.elastic import ElasticPlatform, connections_of
from soak.rollout.steps import Drained, Rollout, Step
from soak.world import SETTINGS
from tests.support.services import Service

CLOSED_BY_RESTART = (1012, "restart")
CLOSED_BY_REBALANCE = (1012, "rebalance")
CUT_OFF = 1006
QUIET_SECONDS = 10.0
"""When nobody was moved for so long, rebalancing is over, or never began."""
EVEN_SECONDS = 240.0
BACK_SECONDS = 60.0
POLL_SECONDS = 0.1
PAGES = 40
"""Conversations whose newest page is compared with PostgreSQL."""
ASKED_AT_ONCE = 100
"""Users whose presence is asked for together."""


@dataclass(frozen=True)
class Plan:
    connections: int = 2_000
    rate: float = 300.0
    drain_seconds: float = 30.0
    surge: int = 1
    """So many new gateways begin before as many old ones end."""
    calm_seconds: float = 5.0
    """Between two steps."""
    each: Mapping[str, int] | None = None
    seed: int = 1


class Deployment:
    """Does to the gateways what a cluster does, and keeps what came of it."""

    def __init__(self, platform: ElasticPlatform, people: Crowd, plan: Plan, show: Show) -> None:
        self.doing = "all is well"
        self.steps: list[Step] = []
        self.struck: list[Struck] = []
        self._platform = platform
        self._crowd = people
        self._plan = plan
        self._show = show
        self._now = asyncio.get_running_loop().time
        self._stalls: list[tuple[float, float]] = []

    async def restart(self) -> None:
        """Replace every gateway, `surge` at a time; the next begin while those before still drain."""
        async with asyncio.TaskGroup() as tasks:
            began = self._begin("rolling restart")
            old, draining = list(self._platform.running["gateway"]), []
            for first in range(0, len(old), self._plan.surge):
                leaving = old[first : first + self._plan.surge]
                await asyncio.gather(*(self._platform.add() for _ in leaving))
                draining += [tasks.create_task(self._drain(gateway)) for gateway in leaving]
        await self._end("rolling restart", began, [task.result() for task in draining])

    async def scale_out(self) -> None:
        """Add one, and wait until it has its share or nobody moves any more."""
        began = self._begin("scale-out")
        await self._platform.add()
        moved_at = self._now()
        while self._now() - moved_at < QUIET_SECONDS and self._now() - began < EVEN_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            moved_at = max([moved_at, *self._farewells(CLOSED_BY_REBALANCE, since=began)])
        await self._end("scale-out", began, [], is_scale_out=True)

    async def scale_down(self) -> None:
        """Take away the one with the fewest connections, as `pod-deletion-cost` makes a cluster do."""
        began = self._begin("scale-down")
        gateways = self._platform.running["gateway"]
        held = [await connections_of(gateway) for gateway in gateways]
        await self._end("scale-down", began, [await self._drain(gateways[held.index(min(held))])])

    async def watch_ourselves(self) -> None:
        """Note when our own loop stood still; for ever."""
        while True:
            due = self._now() + POLL_SECONDS
            await asyncio.sleep(POLL_SECONDS)
            if (late := self._now() - due) > POLL_SECONDS:
                self._stalls.append((self._now(), late))

    def _begin(self, name: str) -> float:
        self.doing = name
        self._crowd.troubled = True
        self._show(f"      {name}")
        return self._now()

    async def _drain(self, gateway: Service) -> Drained:
        held, told_at, pid = await connections_of(gateway), self._now(), gateway.pid
        await self._platform.retire(gateway)
        return Drained(gateway.ws_url, held, told_at, self._plan.drain_seconds, is_gone=state_of(pid) is None)

    async def _end(self, name: str, began: float, told: list[Drained], *, is_scale_out: bool = False) -> None:
        self._crowd.troubled = False
        healed = self._now()
        self.doing = f"after {name}"
        away = await self._not_back()
        drained = [self._with_goodbyes(one) for one in told]
        took = await self._crowd.converged(dict(self._crowd.heads), timeout_seconds=BACK_SECONDS)
        held = {gateway.ws_url: await connections_of(gateway) for gateway in self._platform.running["gateway"]}
        moved = len(self._farewells(CLOSED_BY_REBALANCE, since=began))
        step = Step(name, healed - began, drained, moved, held, away, is_scale_out)
        converged = None if took is None else self._now() - healed
        self.steps.append(step)
        self.struck.append(Struck(name, 0, began, healed, step.proof, converged))
        self._show(f"      {name}: {step.proof or 'NOTHING SHOWED THAT IT HAPPENED'}")
        self.doing = "all is well"
        await asyncio.sleep(self._plan.calm_seconds)

    def _with_goodbyes(self, drained: Drained) -> Drained:
        """What its clients heard, now that all of them have."""
        since, gateway = drained.told_at, drained.gateway
        return replace(
            drained,
            goodbyes=self._farewells(CLOSED_BY_RESTART, since=since, gateway=gateway),
            cut_off=len(self._farewells((CUT_OFF, ""), since=since, gateway=gateway)),
            stalls=self._stalls,
        )

    async def _not_back(self) -> list[str]:
        """Wait until each client has been seen connected and caught up; those who never were."""
        began = self._now()
        away = {person.name: person for person in self._crowd.people}
        while away and self._now() - began < BACK_SECONDS:
            away = {name: person for name, person in away.items() if not person.client.is_settled}
            await asyncio.sleep(POLL_SECONDS)
        return list(away)

    def _farewells(self, said: tuple[int, str], *, since: float, gateway: str | None = None) -> list[float]:
        code, reason = said
        return [
            at
            for person in self._crowd.people
            for at, of, farewell in person.farewells
            if at >= since and of == (gateway or of) and (farewell.code, farewell.reason or "") == (code, reason)
        ]


async def run(environment: Mapping[str, str], home: Path, plan: Plan, *, show: Show) -> Rollout:
    """Stand up the platform on the stores that `environment` names, and roll it."""
    settings = {
        **SETTINGS,
        "CAUSERIE_DRAIN_SECONDS": str(plan.drain_seconds),
        "CAUSERIE_HEARTBEAT_SECONDS": "25",
    }
    platform = ElasticPlatform(environment, home, settings=settings)
    try:
        await platform.start(**({} if plan.each is None else {"each": plan.each}))
        show(f"      {plan.connections:,} connect")
        gathered = crowd(platform, plan.seed, plan.rate, count=plan.connections, wanders=False)
        async with gathered as people:
            deployment = Deployment(platform, people, plan, show)
            async with shown(people, show, lambda: deployment.doing), beside(deployment.watch_ourselves()):
                await asyncio.sleep(plan.calm_seconds)
                await deployment.restart()
                await deployment.scale_out()
                await deployment.scale_down()
            return await _concluded(platform, people, deployment, show)
    finally:
        platform.kill_services()


async def _concluded(platform: ElasticPlatform, people: Crowd, deployment: Deployment, show: Show) -> Rollout:
    show("      everybody falls silent")
    await people.hush()
    groups = list(people.members)
    await people.converged(await truth.heads(platform.database_url, groups), timeout_seconds=BACK_SECONDS)
    held = await truth.fetch(platform.database_url, groups)
    by_name = {person.name: person.client for person in people.people}
    stale = [
        page
        for group in groups[:: max(1, len(groups) // PAGES)]
        for page in await truth.stale_pages(by_name[people.members[group][0]], group, len(platform.apis), held)
    ]
    observer, *others = by_name
    unseen = [
        name
        for first in range(0, len(others), ASKED_AT_ONCE)
        for name in await presence.wrongly_shown(by_name[observer], others[first : first + ASKED_AT_ONCE], online=True)
    ]
    ghosts = [f"{name} is there and not shown; nobody" for name in unseen]
    drawn = ledger.draw(people.evidence(held, faults=deployment.struck, stale=stale, ghosts=ghosts))
    return Rollout(drawn, deployment.steps, deployment.struck)
