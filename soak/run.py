"""One run: a world, a crowd in it, the schedule carried out, and the evidence of it all."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from soak import presence, truth
from soak.crowd import Crowd, Person, crowd
from soak.evidence import Evidence, Struck
from soak.faults import Fault
from soak.progress import Show, shown
from soak.scenarios import Scenario
from soak.schedule import Planned
from soak.world import World

RATE = 300.0
WARM_UP_SECONDS = 1.0
CONVERGENCE_SECONDS = 60.0
"""When clients have not converged by then, they never did."""


class Run:
    """Carries out one schedule; with `seek_ghosts` a user stays away when his gateway vanishes, which takes up to 45 s.

    Without it, those a gateway took down so lately that they may still be shown are not looked for.
    """

    def __init__(self, world: World, people: Crowd, faults: Sequence[Fault], show: Show, *, seek_ghosts: bool) -> None:
        self._world = world
        self._crowd = people
        self._faults = {fault.name: fault for fault in faults}
        self._show = show
        self._seek_ghosts = seek_ghosts
        self._doing = "all is well"
        self._struck: list[Struck] = []
        self._ghosts: list[str] = []
        self._took_down: dict[str, float] = {}
        self._searches: set[asyncio.Task[None]] = set()

    async def carry_out(self, plan: Sequence[Planned]) -> None:
        """Break and mend one thing after another while people talk."""
        try:
            async with shown(self._crowd, self._show, lambda: self._doing):
                await asyncio.sleep(WARM_UP_SECONDS)
                for number, planned in enumerate(plan, 1):
                    self._doing = "all is well"
                    await asyncio.sleep(planned.calm_seconds)
                    await self._strike(self._faults[planned.fault], planned, f"{number}/{len(plan)}")
                for search in [*self._searches]:
                    await search
        finally:
            for search in self._searches:
                search.cancel()

    async def conclude(self) -> Evidence:
        """Let everything come to rest and gather what there is to compare."""
        people = self._crowd
        self._show("      everybody falls silent")
        await people.hush()
        database = self._world.database_url
        await people.converged(await truth.heads(database, list(people.members)), timeout_seconds=CONVERGENCE_SECONDS)
        held = await truth.fetch(database, list(people.members))
        by_name = {person.name: person for person in people.people}
        stale = [
            page
            for group, members in people.members.items()
            for page in await truth.stale_pages(by_name[members[0]].client, group, len(self._world.apis), held)
        ]
        observer, *others = people.people
        names = [person.name for person in others]
        unseen = await presence.wrongly_shown(observer.client, names, online=True)
        await people.leave(names)
        self._ghosts += [f"{name} is there and not shown; nobody" for name in unseen]
        overdue = names if self._seek_ghosts else [name for name in names if self._is_due(name)]
        self._ghosts += await presence.wrongly_shown(observer.client, overdue, online=False)
        return people.evidence(held, faults=self._struck, stale=stale, ghosts=self._ghosts)

    async def _strike(self, fault: Fault, planned: Planned, number: str) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        which = f"{fault.name}, place {planned.place}" if fault.places > 1 else fault.name
        self._doing = f"{which} for {planned.hold_seconds:.0f} s"
        self._crowd.troubled = True
        async with fault.strike(self._world, planned.place) as proof:
            self._show(f"{number}  {which}")
            if fault.vanish:
                await self._take_away(self._world.gateways[planned.place])
            await asyncio.sleep(max(0.0, began + planned.hold_seconds - loop.time()))
            self._crowd.troubled = False
        healed = loop.time()
        self._doing = f"healed of {which}"
        took = await self._crowd.converged(dict(self._crowd.heads), timeout_seconds=CONVERGENCE_SECONDS)
        self._struck.append(Struck(fault.name, planned.place, began, healed, proof.seen, took))
        converged = "never converged" if took is None else f"converged in {took:.1f} s"
        self._show(f"{number}  {which}: {proof.seen or 'NOTHING SHOWED THAT IT HAPPENED'}; {converged}")

    async def _take_away(self, gateway: str) -> None:
        """Who sat at this gateway went down with it; one of them does not come back until he is seen to be gone."""
        victims = [person for person in self._crowd.people[1:] if person.present and person.client.gateway == gateway]
        now = asyncio.get_running_loop().time()
        self._took_down |= {victim.name: now for victim in victims}
        if not victims or not self._seek_ghosts:
            return
        victim = victims[0]
        await victim.go()
        search = asyncio.create_task(self._search(victim))
        self._searches.add(search)
        search.add_done_callback(self._searches.discard)

    async def _search(self, victim: Person) -> None:
        self._ghosts += await presence.wrongly_shown(self._crowd.people[0].client, [victim.name], online=False)
        await victim.come_back()

    def _is_due(self, name: str) -> bool:
        """Whether a gateway that took this user down must have been noticed by now."""
        now = asyncio.get_running_loop().time()
        return now - self._took_down.get(name, float("-inf")) > presence.GHOST_SECONDS


async def run(
    scenario: Scenario,
    plan: Sequence[Planned],
    home: Path,
    *,
    seed: int,
    rate: float = RATE,
    show: Show,
    seek_ghosts: bool = True,
) -> Evidence:
    """Stand up the scenario's world in `home`, carry out the plan, and return the evidence."""
    async with scenario.stand(home) as world, crowd(world, seed, rate) as people:
        engine = Run(world, people, scenario.faults, show, seek_ghosts=seek_ghosts)
        await engine.carry_out(plan)
        return await engine.conclude()
