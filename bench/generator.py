"""The generator from Python's side: one process of `native/swarm.c`, told what to do in lines of JSON.

It never shares a core with the server.  Several of them make more connections than one process may hold; each takes
source addresses of its own.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cores import OTHER_CORE
from bench.native import program
from bench.outcomes import Arrived, Connected, Durations, Pumped, Returned, Talked
from bench.processes import running

__all__ = [
    "Arrived",
    "Clients",
    "Connected",
    "Durations",
    "GeneratorFailed",
    "Pumped",
    "Returned",
    "Swarm",
    "Talked",
    "swarm",
]

LIFETIME_SECONDS = 900
"""It ends by itself after that, whatever became of us."""
ANSWER_SECONDS = 10.0
SOURCES_EACH = 4
"""Source addresses of one generator: 28,000 ports each for every port of a server."""

Fields = dict[str, Any]


@dataclass(frozen=True)
class Clients:
    """How clients of one kind introduce themselves, and which of the frames they get are deliveries.

    `script` is pairs of what has to be heard and what is said then; who has come to its end is ready.  `%v` in path
    and headers is the first word of the client's line of `values`, where tabs part words; `%k` in what it says is the
    cursor it was given last.  What begins with `answer` answers what it said in a talk.
    """

    path: str = "/"
    headers: str = ""
    script: Sequence[tuple[str, str]] = ()
    values: Path | None = None
    counted: str = ""
    failing: str = ""
    answer: str = ""
    ping: tuple[str, str] | None = None
    unit_bytes: int = 0
    opcode: int = 1
    raw: bool = False

    def fields(self) -> Fields:
        described: Fields = {
            "path": self.path,
            "headers": self.headers,
            "expect": [expected for expected, _ in self.script],
            "say": [said for _, said in self.script],
            "unit_bytes": self.unit_bytes,
            "opcode": self.opcode,
            "raw": int(self.raw),
        }
        if self.values is not None:
            described["values"] = str(self.values)
        if self.counted:
            described["counted"] = self.counted
        if self.failing:
            described["failing"] = self.failing
        if self.answer:
            described["answer"] = self.answer
        if self.ping is not None:
            described["ping"], described["pong"] = self.ping
        return described


class GeneratorFailed(Exception):
    """It refused a command, said nothing in time, or ended."""


class Swarm:
    """One generator process. Commands run one after another."""

    def __init__(self, process: asyncio.subprocess.Process, number: int) -> None:
        self._process = process
        self._number = number

    @property
    def pid(self) -> int:
        return self._process.pid

    async def connect(
        self,
        group: str,
        clients: Clients,
        ports: Sequence[int],
        count: int,
        *,
        rate: float = 1_000.0,
        in_flight: int = 128,
        first_value: int = 0,
        patience_seconds: float = 20.0,
    ) -> Connected:
        """Open `count` clients at `rate` a second with at most `in_flight` unwelcomed, and wait for all of them."""
        self._tell(
            "connect",
            group=group,
            ports=list(ports),
            count=count,
            rate=rate,
            in_flight=in_flight,
            first_value=first_value,
            timeout_seconds=patience_seconds,
            source_from=256 + self._number * SOURCES_EACH,
            source_count=SOURCES_EACH,
            **clients.fields(),
        )
        answer = await self._hear("connected", count / rate + patience_seconds + count / 100 + ANSWER_SECONDS)
        upgraded, welcomed = Durations(**answer["upgraded"]), Durations(**answer["welcomed"])
        return Connected(answer["ready"], answer["failed"], answer["seconds"], answer["trouble"], upgraded, welcomed)

    async def pump(
        self,
        publishers: str,
        readers: str,
        text: str,
        *,
        copies: int,
        messages: int,
        window: int,
        seconds: float,
        warm_seconds: float = 0.5,
        beat_us: int = 0,
        on_edge: Callable[[], None] = lambda: None,
    ) -> Pumped:
        """Broadcast in a closed loop; `on_edge` is called when measuring begins and when it ends.

        A burst is `text` written `copies` times, which every reader gets as `messages` deliveries.  `%t` becomes the
        time, whose age is the latency; `%n` a number of its own.  With a beat the readers look that often for what has
        come, instead of being woken by the server.
        """
        drain = 5.0
        self._tell(
            "pump",
            **{"from": publishers, "to": readers},
            text=text,
            copies=copies,
            messages=messages,
            window=window,
            seconds=seconds,
            warm_seconds=warm_seconds,
            drain_seconds=drain,
            beat_us=beat_us,
        )
        limit = warm_seconds + seconds + 2 * drain + ANSWER_SECONDS
        async with asyncio.timeout(limit):
            while True:
                match await self._next():
                    case {"event": "measuring" | "measured"}:
                        on_edge()
                    case {"event": "pumped", **figures}:
                        latency = Durations(**figures.pop("latency"))
                        return Pumped(**figures, latency=latency)

    async def send(self, group: str, text: str, *, rate: float, count: int, among: int = 2**30) -> Fields:
        """Send frames on a schedule that waits for nobody, by turns from the first `among` clients."""
        self._tell("send", group=group, text=text, rate=rate, count=count, connections=among)
        return await self._hear("sent", count / rate + ANSWER_SECONDS)

    async def watch(self, group: str, *, limit_seconds: float, beat_us: int = 0) -> None:
        """Look out for one delivery to each of a group; ask for `arrived` when it has been sent.

        The first wakes the readers; with a beat they look that often for the others, and nobody pays for waking them.
        """
        self._tell("watch", group=group, timeout_seconds=limit_seconds, beat_us=beat_us)
        await self._hear("watching", ANSWER_SECONDS)

    async def arrived(self, *, limit_seconds: float) -> Arrived:
        """When the first and the last of them came; after the limit, what has come by then."""
        answer = await self._hear("arrived", limit_seconds + ANSWER_SECONDS)
        return Arrived(answer["wanted"], answer["seen"], answer["first_ns"], answer["last_ns"])

    async def talk(
        self,
        authors: str,
        readers: str,
        text: str,
        *,
        seconds: float,
        warm_seconds: float = 1.0,
        rate: float = 0.0,
        in_flight: int = 256,
        window: int = 1,
        among: int = 2**30,
        words: int = 1,
        each: float = 1.0,
        timed_one_in: int = 61,
        drain_seconds: float = 10.0,
        on_edge: Callable[[], None] = lambda: None,
    ) -> Talked:
        """Let authors send by turns, `in_flight` unanswered in all and `window` of each, at most `rate` a second.

        `%w` in `text` becomes one of the client's `words` after the first of its line of values, by turns.  `each` is
        how many of the readers get what one author says; of what they get one in so many is timed.
        """
        self._tell(
            "talk",
            **{"from": authors, "to": readers},
            text=text,
            seconds=seconds,
            warm_seconds=warm_seconds,
            drain_seconds=drain_seconds,
            rate=rate,
            in_flight=in_flight,
            window=window,
            among=among,
            words=words,
            each=each,
            timed_one_in=timed_one_in,
        )
        async with asyncio.timeout(warm_seconds + seconds + 3 * drain_seconds + ANSWER_SECONDS):
            while True:
                match await self._next():
                    case {"event": "measuring" | "measured"}:
                        on_edge()
                    case {"event": "talked", **figures}:
                        answered, arrived = Durations(**figures.pop("answered")), Durations(**figures.pop("arrived"))
                        return Talked(**figures, answered=answered, arrived=arrived)

    async def again(
        self, group: str, script: Sequence[tuple[str, str]], *, window_seconds: float, limit_seconds: float
    ) -> Returned:
        """Reset all of a group at once and let each come back after a delay of up to `window_seconds`, by `script`.

        Who is refused waits as long as he is told, or doubles his pause; after `limit_seconds` nobody tries again.
        """
        self._tell(
            "again",
            group=group,
            expect=[expected for expected, _ in script],
            say=[said for _, said in script],
            window_seconds=window_seconds,
            limit_seconds=limit_seconds,
        )
        answer = await self._hear("again", limit_seconds + ANSWER_SECONDS)
        answer.pop("event")
        returned, welcomed = Durations(**answer.pop("returned")), Durations(**answer.pop("welcomed"))
        return Returned(**answer, returned=returned, welcomed=welcomed)

    async def report(self) -> Fields:
        """Everything counted since the last `reset`, by group and by second."""
        self._tell("report")
        return await self._hear("report", ANSWER_SECONDS)

    async def reset(self) -> None:
        self._tell("reset")
        await self._hear("reset", ANSWER_SECONDS)

    async def close(self, group: str = "", *, gently: bool = False, count: int = 2**30) -> int:
        """Close a group or all, by a WebSocket close or a TCP reset; how many are left."""
        self._tell("close", group=group, how="gentle" if gently else "reset", count=count)
        return int((await self._hear("closed", 2 * ANSWER_SECONDS))["left"])

    def _tell(self, command: str, **arguments: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")

    async def _hear(self, event: str, limit_seconds: float) -> Fields:
        async with asyncio.timeout(limit_seconds):
            answer = await self._next()
        if answer["event"] != event:
            raise GeneratorFailed(f"expected {event}, got {answer}")
        return answer

    async def _next(self) -> Fields:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise GeneratorFailed("the generator ended")
        answer: Fields = json.loads(line)
        if answer["event"] == "error":
            raise GeneratorFailed(answer["why"])
        return answer


@contextlib.asynccontextmanager
async def swarm(number: int = 0, *, core: int | None = OTHER_CORE) -> AsyncIterator[Swarm]:
    """A generator as long as the block; `number` tells several of them apart. Without a core it is on any."""
    command: list[str | Path] = [program("swarm"), str(LIFETIME_SECONDS)]
    async with running(f"swarm-{number}", command, core=core) as process:
        yield Swarm(process, number)
