"""All people of this process: how they come in, stay, are cut off and come back for what they missed."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from causerie.client.backoff import Backoff
from causerie.domain.ids import UserId
from causerie.tokens import issue
from loadtest.dialects import Dialect, Event, Farewell, Reply, Resync, Seen, Welcome
from loadtest.frames import upgrade
from loadtest.swarm.clock import CLOCK
from loadtest.swarm.ledger import Ledger
from loadtest.swarm.person import Failed, Person, Postponed
from loadtest.swarm.requests import Requests
from loadtest.swarm.socket import connect
from loadtest.swarm.tally import Tally

ATTEMPT_SECONDS = 20.0
"""For one attempt to come in; longer is a failure, and another attempt."""
TOKEN_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Place:
    """Where this swarm connects to, and from where."""

    gateways: Sequence[tuple[str, int]]
    secret: str
    run: str
    sources: Sequence[str]
    in_flight: int = 512
    """On their way in at once; the others of a storm wait outside, and their time runs."""


class Crowd:
    """Owner of all sockets of this process."""

    def __init__(self, place: Place, dialect: Dialect, tally: Tally, ledger: Ledger) -> None:
        self.people: dict[int, Person] = {}
        self.present = 0
        self.numbers: list[int] = []
        """Of all people, to choose from."""
        self.seen: Callable[[Seen], None] = lambda _: None
        """Whoever wants to know of presence puts himself here."""
        self._place = place
        self._dialect = dialect
        self._tally = tally
        self._ledger = ledger
        self._doors = asyncio.Semaphore(place.in_flight)
        self.requests = Requests(tally)
        self._watched: dict[int, Sequence[str]] = {}
        self._sent_away: dict[int, float] = {}
        """Whom the server said goodbye to, and when they shall come back."""

    def name(self, number: int) -> str:
        return f"{self._place.run}-{number}"

    def token(self, number: int) -> str:
        return issue(self._place.secret, UserId(self.name(number)), ttl_seconds=TOKEN_SECONDS)

    async def open(
        self, batch: int, people: Sequence[int], channels: Sequence[Sequence[str]], *, rate: float, watched: int
    ) -> None:
        """Let a batch come in, so many a second; ends when all of them are there."""
        for number, follows in zip(people, channels, strict=True):
            person = self.people[number] = Person(number, self.name(number), batch)
            person.channels = tuple(follows)
            if watched:
                others = [self.name(other) for other in people if other != number]
                self._watched[number] = random.sample(others, min(watched, len(others)))
        self.numbers = list(self.people)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place, number in enumerate(people):
            await asyncio.sleep(began + place / rate - loop.time())
            if (person_now := self.people.get(number)) is not None:
                person_now.coming = asyncio.create_task(self._come(person_now, "connect"))
        coming = [one.coming for number in people if (one := self.people.get(number)) and one.coming]
        await asyncio.gather(*coming, return_exceptions=True)

    def leave(self, batch: int) -> None:
        """A batch goes, each with a goodbye."""
        going = [person for person in self.people.values() if person.batch == batch]
        self.requests.forget({person.number for person in going})
        for person in going:
            del self.people[person.number]
            self._ledger.forget(person.number)
            self._watched.pop(person.number, None)
            self._out(person)
            if person.coming is not None:
                person.coming.cancel()
            if person.socket is not None:
                person.socket.close()
                person.socket = None
        self.numbers = list(self.people)

    def cut(self, share: float, *, window_seconds: float) -> int:
        """Reset a share of the connections at once; each comes back after a pause drawn from the window."""
        there = [person for person in self.people.values() if person.is_present]
        chosen = random.sample(there, round(len(there) * share))
        self.requests.forget({person.number for person in chosen})
        for person in chosen:
            self._out(person)
            if person.socket is not None:
                person.socket.cut()
                person.socket = None
            self._return(person, random.random() * window_seconds)
        return len(chosen)

    # ── called by sockets ───────────────────────────────────────────────────────────────────────────────────────

    def refused(self, person: int, status: int, come_back_seconds: float | None) -> None:
        error = Postponed(come_back_seconds) if status in (429, 503) else Failed(f"refused with {status}")
        self._opening_failed(person, error)

    def lost(self, person: int) -> None:
        if self._opening_failed(person, Failed("closed before the welcome")):
            return
        if (one := self.people.get(person)) is not None:
            one.socket = None
            pause = self._sent_away.pop(person, None)
            if one.is_present:
                self._out(one)
                one.hops += 1
                if pause is None:
                    self._tally.failed("connection", "closed by the server")
                self._return(one, pause or 0.0)

    def heard(self, person: int, payload: bytes) -> None:
        heard = self._dialect.hear(payload)
        match heard:
            case Event(conversation, seq, sent_ns):
                if self._ledger.take(person, conversation, seq) and sent_ns is not None:
                    self._tally.took("send→delivered", max(0, CLOCK.now_ns() - sent_ns) / 1e9)
            case Reply():
                self.requests.answered(heard)
            case Welcome():
                one = self.people.get(person)
                if one is not None and one.opening is not None and not one.opening.done():
                    one.opening.set_result(None)
            case Seen():
                self.seen(heard)
            case Resync(conversation, seq):
                self._tally.count("resyncs")
                self._ledger.begin(person, conversation, seq)
            case Farewell(reason, come_back_seconds):
                self._tally.count(f"sent away: {reason}")
                if come_back_seconds is not None:
                    self._sent_away[person] = come_back_seconds

    # ── coming in ───────────────────────────────────────────────────────────────────────────────────────────────

    def _return(self, person: Person, pause_seconds: float) -> None:
        person.coming = asyncio.create_task(self._come(person, "resume", pause_seconds=pause_seconds))

    async def _come(self, person: Person, name: str, *, pause_seconds: float = 0.0) -> None:
        """Try until he is in; timed from the first attempt, with what it took to wait for a turn at the gateway."""
        await asyncio.sleep(pause_seconds)
        # uvloop's own clock counts milliseconds.
        began = monotonic()
        backoff = Backoff(random.random)
        while True:
            try:
                async with self._doors, asyncio.timeout(ATTEMPT_SECONDS):
                    await self._attempt(person)
                    if name == "connect":
                        self._tally.took(name, monotonic() - began)
                    await self._catch_up(person)
                break
            except Postponed as later:
                self._tally.count("postponed")
                pause = backoff.failed(later.seconds)
            except (OSError, Failed, TimeoutError) as error:
                self._tally.failed(name, str(error) or type(error).__name__)
                pause = backoff.failed()
            person.hops += 1
            if person.socket is not None:
                person.socket.cut()
                person.socket = None
            await asyncio.sleep(pause)
        if name == "resume":
            self._tally.took(name, monotonic() - began)
        person.is_present = True
        person.coming = None
        self.present += 1

    async def _attempt(self, person: Person) -> None:
        """Connect and wait for the welcome.

        Raises:
            Postponed, Failed, OSError: not this time.
        """
        gateways, sources = self._place.gateways, self._place.sources
        host, port = gateways[(person.number + person.hops) % len(gateways)]
        person.opening = asyncio.get_running_loop().create_future()
        opening = upgrade(f"{host}:{port}", self._dialect.path(), self.token(person.number))
        # Not by the same number as gateways, or each would see few of the addresses.
        source = sources[person.number // len(gateways) % len(sources)] if sources else None
        try:
            person.socket = await connect(self, person.number, opening, (host, port), source=source)
            await person.opening
        finally:
            person.opening = None

    async def _catch_up(self, person: Person) -> None:
        """Follow his channels, then ask for what he missed: first the seat, then the question.

        Raises:
            Failed: a request was refused or not answered.
        """
        ask = self.requests.ask
        for channel in person.channels:
            await ask(person, "subscribe", partial(self._dialect.follow, channel=channel))
        is_back = person.cursor is not None
        has_more = True
        while has_more:
            payload = await ask(person, "sync", partial(self._dialect.sync, cursor=person.cursor))
            if payload is None:
                return
            missed = self._dialect.missed(payload)
            for event in missed.events:
                self._ledger.take(person.number, event.conversation, event.seq)
            for head in missed.heads:
                self._ledger.begin(person.number, head.conversation, head.seq)
                self._tally.count("resets", int(is_back))
            person.cursor, has_more = missed.cursor, missed.has_more
        if watched := self._watched.get(person.number):
            await ask(person, "watch", partial(self._dialect.watch, users=watched))

    def _opening_failed(self, person: int, error: Exception) -> bool:
        one = self.people.get(person)
        if one is None or one.opening is None or one.opening.done():
            return False
        one.opening.set_exception(error)
        one.socket = None
        return True

    def _out(self, person: Person) -> None:
        if person.is_present:
            person.is_present = False
            self.present -= 1
