"""Who takes part in a scenario: people, whom they talk to, and how a generator plays them.

Authors and readers are written straight into the tables, for a benchmark measures what comes after; every author
has direct conversations with readers, one message has one recipient, and the two sit on different gateways when there
are several.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from bench.generator import Clients
from bench.stage import Stage
from tests.support.services import Service

WELCOME = '{"event":"welcome"'
NEW = '{"event":"message.new"'
ANSWER = '{"id":"@t'
"""What a frame is answered with whose id is its time."""

ROOM = {
    "CAUSERIE_MAX_CONNECTIONS": "20000",
    "CAUSERIE_FRAMES_PER_SECOND": "1000000",
    "CAUSERIE_PENDING_PER_ADDRESS": "20000",
}
"""One address plays thousands of people, and few of them say what many would."""


def author(number: int) -> str:
    return f"author{number}"


def reader(number: int) -> str:
    return f"reader{number}"


def values(platform: Stage, name: str, people: Sequence[tuple[str, Sequence[UUID]]]) -> Path:
    """A line for each: his token, and where he speaks."""
    path = platform.home / name
    path.write_text("".join("\t".join([platform.token(user), *map(str, places)]) + "\n" for user, places in people))
    return path


def clients(lines: Path, *, talking: bool = False, script: Sequence[tuple[str, str]] = ((WELCOME, ""),)) -> Clients:
    """Native clients, a line of `lines` each."""
    return Clients(
        path="/ws",
        headers="Authorization: Bearer %v\r\n",
        values=lines,
        script=script,
        counted=NEW,
        answer=ANSWER if talking else "",
    )


def speech(filling: str) -> str:
    """A frame that says something new each time, to the conversation whose turn it is."""
    return f'{{"id":"%t","op":"send","conversation_id":"%w","client_id":"bench-%n","content":"%t{filling}"}}'


@dataclass(frozen=True)
class Used:
    """Processor seconds of each part between two moments."""

    by_part: dict[str, float]

    def of(self, *parts: str) -> float:
        return sum(self.by_part.get(part, 0.0) for part in parts)

    def shares(self, seconds: float) -> str:
        return ", ".join(f"{part} {used / seconds:.2f}" for part, used in self.by_part.items())


class Meter:
    """Reads what each part of the platform has used; call `edge` when measuring begins and when it ends."""

    def __init__(self, **services: Sequence[Service]) -> None:
        self._pids = {part: {service.pid for service in several} for part, several in services.items()}
        self._edges: list[dict[str, float]] = []

    def edge(self) -> None:
        used = dict.fromkeys([*self._pids, "generator", "postgres", "redis and nats"], 0.0)
        own = psutil.Process()
        for process in [own, *own.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[self._part(process)] += times.user + times.system
        self._edges.append(used)

    @property
    def used(self) -> Used:
        """Between the latest two edges."""
        first, last = self._edges[-2:]
        return Used({part: last[part] - first[part] for part in last})

    def _part(self, process: psutil.Process) -> str:
        if (part := next((part for part, pids in self._pids.items() if process.pid in pids), None)) is not None:
            return part
        name = process.name()
        if "postgres" in name:
            return "postgres"
        return "redis and nats" if "nats" in name or "valkey" in name or "redis" in name else "generator"
