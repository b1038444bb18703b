"""What people say and ask for: on a schedule that waits for no answer, so that a stall of the server is felt by all it
delays."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from time import monotonic

import httpx

from causerie.client.errors import ClientError
from causerie.client.rest import Rest
from loadtest.dialects import Dialect, Seen
from loadtest.swarm.clock import CLOCK
from loadtest.swarm.crowd import Crowd
from loadtest.swarm.ledger import Ledger
from loadtest.swarm.person import Person
from loadtest.swarm.tally import Tally

TICK_SECONDS = 0.01
MAX_BURST_SECONDS = 1.0
"""What a loop that stood still says at once when it goes on; the rest is left unsaid and counted."""
MAX_PAGES_AT_ONCE = 64
TRIES = 5
FILLING = (
    " the kettle is on and the kitchen is full of people who have not seen each other since spring, so nobody minds "
    "that the cake is late; ann says the train stood for an hour outside the town."
)
"""With the time before it two hundred bytes, as people write them."""

KINDS = ("direct", "group", "channel", "history", "presence")


@dataclass
class Conversation:
    """One that people of this process take part in; `members` are those of this process, batch after batch."""

    id: str
    members: list[int]
    weight: float


class Circles:
    """Conversations of one kind, chosen by how popular they are."""

    def __init__(self) -> None:
        self._all: dict[str, Conversation] = {}
        self._list: list[Conversation] = []
        self._weights: list[float] = []

    def join(self, name: str, members: Sequence[int], weight: float) -> None:
        """More of its members are here; who was here before is not counted twice."""
        known = self._all.setdefault(name, Conversation(name, [], weight))
        there = set(known.members)
        known.members += [member for member in members if member not in there]
        self._list = []

    def choose(self) -> Conversation | None:
        if not self._list:
            self._list = list(self._all.values())
            self._weights = list(accumulate(one.weight for one in self._list))
        return random.choices(self._list, cum_weights=self._weights)[0] if self._list else None


class Speech:
    """Says things at the rates it was told last, all of this process together."""

    def __init__(
        self, crowd: Crowd, dialect: Dialect, tally: Tally, ledger: Ledger, *, apis: Sequence[str], run: str
    ) -> None:
        self.rates: dict[str, float] = {}
        self._crowd = crowd
        self._dialect = dialect
        self._tally = tally
        self._ledger = ledger
        self._apis = apis
        self._run = run
        self.circles = {kind: Circles() for kind in ("direct", "group", "channel")}
        self._said = 0
        self._pages: set[asyncio.Task[None]] = set()
        self._changed: dict[str, tuple[str, int]] = {}
        crowd.seen = self._on_seen

    async def go_on(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        credit = dict.fromkeys(KINDS, 0.0)
        before = loop.time()
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=16)) as http:
            while True:
                await asyncio.sleep(TICK_SECONDS)
                now = loop.time()
                for kind in KINDS:
                    rate = self.rates.get(kind, 0.0)
                    credit[kind] = credit[kind] + rate * (now - before) if rate else 0.0
                    if credit[kind] > max(1.0, rate * MAX_BURST_SECONDS):
                        self._tally.count("left unsaid", int(credit[kind] - rate * MAX_BURST_SECONDS))
                        credit[kind] = rate * MAX_BURST_SECONDS
                    while credit[kind] >= 1.0:
                        credit[kind] -= 1.0
                        self._do(kind, http)
                self._crowd.requests.give_up(monotonic())
                before = now

    def _do(self, kind: str, http: httpx.AsyncClient) -> None:
        match kind:
            case "history":
                self._read(http)
            case "presence":
                self._move()
            case _:
                self._say(kind)

    def _say(self, kind: str) -> None:
        chosen = self._choose(kind)
        if chosen is None:
            self._tally.count("nobody to say it")
            return
        conversation, author = chosen
        self._said += 1
        key, text = f"{self._run}-{author.number}-{self._said}", f"#{CLOCK.now_ns()}{FILLING}"
        name = conversation.id.encode()
        if self._crowd.requests.put(
            author,
            "send→ack",
            lambda number: self._dialect.send(number, conversation.id, key, text),
            then=lambda payload: self._ledger.acked(name, self._dialect.seq(payload)),
        ):
            self._tally.count("sent")

    def _read(self, http: httpx.AsyncClient) -> None:
        """Read a page over REST, as whoever opens a conversation does; every other time an older one."""
        chosen = self._choose("group")
        if chosen is None or not self._apis or len(self._pages) >= MAX_PAGES_AT_ONCE:
            self._tally.count("left unread")
            return
        conversation, reader = chosen
        older = random.random() < 0.5 and self._ledger.heads.get(conversation.id.encode(), 0) > 2
        query: dict[str, str | int] = {"limit": 50}
        if older:
            query["before_seq"] = self._ledger.heads[conversation.id.encode()]
        rest = Rest(self._apis, lambda: self._crowd.token(reader.number), http)
        page = asyncio.create_task(self._page(rest, conversation.id, query))
        self._pages.add(page)
        page.add_done_callback(self._pages.discard)

    async def _page(self, rest: Rest, conversation: str, query: dict[str, str | int]) -> None:
        began = monotonic()
        try:
            await rest.request("GET", f"/conversations/{conversation}/messages", query=query)
        except ClientError as error:
            self._tally.failed("history", type(error).__name__)
        else:
            self._tally.took("history", monotonic() - began)

    def _move(self) -> None:
        """Somebody goes away, or comes back."""
        person = self._anybody()
        if person is None:
            return
        status = "online" if self._changed.get(person.name, ("", 0))[0] == "away" else "away"
        if self._crowd.requests.put(person, "presence", lambda number: self._dialect.presence(number, status)):
            self._changed[person.name] = (status, CLOCK.now_ns())

    def _on_seen(self, seen: Seen) -> None:
        status, at = self._changed.get(seen.user, ("", 0))
        if status == seen.status:
            self._tally.took("presence→seen", max(0, CLOCK.now_ns() - at) / 1e9)

    def _choose(self, kind: str) -> tuple[Conversation, Person] | None:
        """A conversation and somebody in it who is there; a few tries, for some may be away."""
        for _ in range(TRIES):
            conversation = self.circles[kind].choose()
            if conversation is None:
                return None
            person = self._crowd.people.get(random.choice(conversation.members))
            if person is not None and person.is_present:
                return conversation, person
        return None

    def _anybody(self) -> Person | None:
        numbers = self._crowd.numbers
        person = self._crowd.people[random.choice(numbers)] if numbers else None
        return person if person is not None and person.is_present else None
