"""The people: they talk, repeat themselves, edit, read, come and go, all at a steady rate whatever happens.

Who does what is drawn from the seed; when exactly, the platform and the machine decide as well.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random

import httpx

from causerie.client import Client, ClientError, Farewell
from soak.evidence import Acknowledged, Edited, Evidence, Sighting, Struck
from soak.truth import Truth
from soak.witness import Witness
from soak.world import Platform

PEOPLE = 20
AT_ONCE = 20
"""So many come, and open their groups, at a time."""
NEIGHBOURS = (0, 1, 3)
"""A group is somebody and those so many places on: everybody is in as many groups as a group has members."""
BY_REST, AGAIN, EDIT, READ = 0.12, 0.04, 0.04, 0.05
"""Shares of the sends that go by REST, that are repeated under their key, edited, and read up to."""
SEND_SECONDS = 150.0
"""How long a send is tried again: longer than any fault lasts."""
MAX_IN_FLIGHT = 12
"""Sends of one person that wait for an answer; more are not begun, and the ledger shows what was due."""
QUIET_EVERY = 5
"""Every fifth group speaks only while something is broken: no later message shows that its last one is missing."""
FILLER = "the cake is late and nobody minds, for the train stood outside the town again "
WANDER_SECONDS = (1.0, 4.0)
AWAY_SECONDS = (0.1, 5.0)
POLL_SECONDS = 0.05


class Person:
    """One user: a client, a witness, and the promises it was given."""

    def __init__(self, name: str, world: Platform, random: Random, http: httpx.AsyncClient, crowd: "Crowd") -> None:
        self.name = name
        self.witness = Witness(crowd.shared)
        self.farewells: list[tuple[float, str, Farewell]] = []
        """When which gateway ended a connection, and with what words."""
        self.groups: list[str] = []
        self.marks: dict[str, int] = {}
        self.present = True
        self._random = random
        self._crowd = crowd
        self._number = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        token = world.token(name)
        self.client = Client(
            name,
            token,
            gateways=world.way_in(random),
            apis=random.sample(world.apis, len(world.apis)),
            http=http,
            bodies=False,
            on_event=self.witness.on_event,
            on_frame=self.witness.on_frame,
            on_farewell=self._hear_farewell,
            random=random.random,
        )
        self.witness.watch(self.client)

    def has(self, heads: dict[str, int]) -> bool:
        """Whether everything up to there took effect."""
        known = self.client.model.conversations
        return all(group in known and known[group].last >= heads.get(group, 0) for group in self.groups)

    def speak(self) -> None:
        """Begin one send, unless too many wait."""
        self._crowd.due += 1
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return
        group = self._random.choice(self.groups)
        if group in self._crowd.quiet and not self._crowd.troubled:
            group = self._random.choice([group for group in self.groups if group not in self._crowd.quiet])
        task = asyncio.create_task(self._speak(group))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def quiet(self) -> None:
        """Wait for the answers to everything begun."""
        await asyncio.gather(*self._in_flight)

    async def come_back(self) -> None:
        if not self.present:
            self.present = True
            self.client.start()

    async def go(self) -> None:
        self.present = False
        await self.client.disconnect()

    def _hear_farewell(self, farewell: Farewell) -> None:
        self.farewells.append((asyncio.get_running_loop().time(), self.client.gateway, farewell))

    async def _speak(self, group: str) -> None:
        self._number += 1
        key = f"{self.name}-{self._number}"
        chance = self._random.random()
        sent = await self._send(group, key, by_rest=chance < BY_REST)
        if sent is None:
            return
        chance = self._random.random()
        if chance < AGAIN:
            await self._send(group, key, by_rest=chance < AGAIN / 2)
        elif chance < AGAIN + EDIT:
            await self._edit(sent)
        elif chance < AGAIN + EDIT + READ:
            await self._read(sent)

    async def _send(self, group: str, key: str, *, by_rest: bool) -> Acknowledged | None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            sent = await self.client.send(
                group, f"{key} {FILLER}", client_id=key, by_rest=by_rest, deadline_seconds=SEND_SECONDS
            )
        except ClientError as error:
            # Nothing was promised; that too few were is for the ledger to say.
            self._crowd.unanswered.append(f"{key}: {error}")
            return None
        ack = Acknowledged(key, group, sent["id"], sent["seq"], began, loop.time())
        self._crowd.acknowledged.append(ack)
        self._crowd.heads[group] = max(self._crowd.heads.get(group, 0), ack.seq)
        return ack

    async def _edit(self, sent: Acknowledged) -> None:
        with suppress(ClientError, TimeoutError):
            await self.client.edit(sent.message_id, f"{sent.client_id} said better", version=1)
            now = asyncio.get_running_loop().time()
            self._crowd.edited.append(Edited(sent.conversation_id, sent.message_id, now))

    async def _read(self, sent: Acknowledged) -> None:
        with suppress(ClientError, TimeoutError):
            await self.client.read(sent.conversation_id, sent.seq)
            group = sent.conversation_id
            self.marks[group] = max(self.marks.get(group, 0), sent.seq)


class Crowd:
    """Everybody, in groups that overlap, talking at `rate` sends a second together until `hush`."""

    def __init__(
        self, world: Platform, seed: int, rate: float, http: httpx.AsyncClient, *, count: int, wanders: bool
    ) -> None:
        self.shared: dict[tuple[str, Sighting], Sighting] = {}
        self.acknowledged: list[Acknowledged] = []
        self.edited: list[Edited] = []
        self.heads: dict[str, int] = {}
        self.unanswered: list[str] = []
        self.due = 0
        self.members: dict[str, list[str]] = {}
        self.quiet: set[str] = set()
        self.troubled = False
        """Whether a fault is on just now."""
        self._random = Random(f"crowd {seed}")
        self._rate = rate
        self._wanders = wanders
        self.people = [Person(f"p{n}", world, Random(f"{seed} {n}"), http, self) for n in range(count)]
        self._steady = asyncio.Event()
        self._lives: list[asyncio.Task[None]] = []

    async def gather(self) -> None:
        """Everybody connects, groups are opened, and talk begins."""
        for first in range(0, len(self.people), AT_ONCE):
            some = range(first, min(first + AT_ONCE, len(self.people)))
            for place in some:
                self.people[place].client.start()
            for place in some:
                await self.people[place].client.settled()
        for first in range(0, len(self.people), AT_ONCE):
            await asyncio.gather(*map(self._open, range(first, min(first + AT_ONCE, len(self.people)))))
        self._lives = [asyncio.create_task(self._talk())]
        if self._wanders:
            self._lives.append(asyncio.create_task(self._wander()))

    async def hush(self) -> None:
        """Nobody begins anything any more; what was begun comes to its end."""
        self._steady.set()
        for life in self._lives:
            life.cancel()
        for ended in await asyncio.gather(*self._lives, return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
                raise ended
        await self.come_back()
        for person in self.people:
            await person.quiet()

    async def come_back(self) -> None:
        for person in self.people:
            await person.come_back()

    async def converged(self, heads: dict[str, int], *, timeout_seconds: float) -> float | None:
        """Seconds until all who are present have everything up to `heads`; None when that took too long."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._steady.set()
        try:
            while loop.time() - began < timeout_seconds:
                if all(person.has(heads) for person in self.people if person.present):
                    return loop.time() - began
                await asyncio.sleep(POLL_SECONDS)
            return None
        finally:
            self._steady.clear()

    async def leave(self, names: Sequence[str]) -> None:
        for person in self.people:
            if person.name in names:
                await person.go()

    def evidence(
        self, held: Truth, *, faults: Sequence[Struck], stale: Sequence[str], ghosts: Sequence[str]
    ) -> Evidence:
        """What they were promised and saw, beside what PostgreSQL holds."""
        return Evidence(
            due=self.due,
            acknowledged=self.acknowledged,
            members=self.members,
            log=held.log,
            seen={person.name: person.witness.seen for person in self.people},
            faults=faults,
            edited=self.edited,
            marks={(person.name, group): seq for person in self.people for group, seq in person.marks.items()},
            stored_marks=held.marks,
            skipped=[what for person in self.people for what in person.witness.skipped],
            overtaken=[what for person in self.people for what in person.witness.overtaken],
            stale=stale,
            ghosts=ghosts,
            healed=sum(person.witness.healed for person in self.people),
        )

    async def _open(self, start: int) -> None:
        chosen = [self.people[(start + step) % len(self.people)] for step in NEIGHBOURS]
        group = (await chosen[0].client.open("group", [person.name for person in chosen[1:]]))["id"]
        self.members[group] = [person.name for person in chosen]
        if start % QUIET_EVERY == 0:
            self.quiet.add(group)
        for person in chosen:
            person.groups.append(group)

    async def _talk(self) -> None:
        """By the clock: a platform that stands still does not slow the schedule down."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 1 / self._rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._random.choice(self.people).speak()

    async def _wander(self) -> None:
        """Now and then somebody's connection breaks, or somebody leaves for a moment and resumes."""
        while True:
            await asyncio.sleep(self._random.uniform(*WANDER_SECONDS))
            person = self._random.choice(self.people)
            if self._steady.is_set() or not person.present:
                continue
            if self._random.random() < 0.5:
                if person.client.connection is not None:
                    person.client.connection.abort()
                continue
            await person.go()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._random.uniform(*AWAY_SECONDS)):
                    await self._steady.wait()
            await person.come_back()


@asynccontextmanager
async def crowd(
    world: Platform, seed: int, rate: float, *, count: int = PEOPLE, wanders: bool = True
) -> AsyncIterator[Crowd]:
    """A crowd that has gathered; at the end everybody goes home."""
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, limits=limits))
        people = Crowd(world, seed, rate, http, count=count, wanders=wanders)
        for person in people.people:
            stack.push_async_callback(person.client.stop)
        await people.gather()
        yield people
        await people.hush()
