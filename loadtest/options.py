"""What can be asked for, by whichever way it comes: our own command line, Locust's, or its web page."""

import argparse
import os
import secrets
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from causerie.settings import MIN_SECRET_BYTES
from loadtest.cast import Crowd
from loadtest.dialects import dialects
from loadtest.scenarios import SCENARIOS, Scenario
from loadtest.thresholds import Thresholds
from loadtest.trouble import Trouble

MAX_CONNECTIONS = 100_000
MOST_OF_A_SWARM = 15_000
"""Connections of one child: files of a process end at 20,000 on many machines, ports of an address at 28,000."""
SECRET = "CAUSERIE_JWT_SECRET"


@dataclass(frozen=True)
class Options:
    """One load test."""

    scenario: str
    connections: int
    batch: int
    arrivals: float
    group_size: int
    talk: float
    stretch: float
    return_window: float
    dialect: str
    gateways: tuple[str, ...]
    apis: tuple[str, ...]
    swarms: int
    meet: tuple[str, int] | None
    """Where swarms from elsewhere come to, instead of children that are started here."""
    record: Path | None
    parts: Path | None
    thresholds: Thresholds
    secret: str
    run: str

    @classmethod
    def of(cls, given: argparse.Namespace) -> Self:
        """
        Raises:
            Trouble: something asked for makes no sense; the line names it.
        """
        check(given)
        options = cls(
            scenario=given.scenario,
            connections=given.connections,
            batch=given.batch,
            arrivals=given.arrivals,
            group_size=given.group_size,
            talk=given.talk,
            stretch=given.stretch,
            return_window=given.return_window,
            dialect=given.dialect,
            gateways=_words(given.gateway),
            apis=_words(given.api),
            swarms=swarms(given),
            meet=_meet(given.meet),
            record=Path(given.record) if given.record else None,
            parts=Path(given.parts) if given.parts else None,
            thresholds=Thresholds(**{field.name: getattr(given, field.name) for field in fields(Thresholds)}),
            secret=platform_secret(),
            run=f"load{secrets.token_hex(3)}",
        )
        options._check_platform()
        return options

    @property
    def plot(self) -> Scenario:
        return SCENARIOS[self.scenario]

    @property
    def crowd(self) -> Crowd:
        return Crowd(self.connections, self.batch, self.group_size)

    def addresses(self) -> list[tuple[str, int]]:
        """Where the gateways are."""
        found = []
        for url in self.gateways:
            parts = urlsplit(url)
            assert parts.hostname is not None
            found.append((parts.hostname, parts.port or 80))
        return found

    def _check_platform(self) -> None:
        if not self.gateways or not self.apis:
            raise Trouble("say where the platform is with --gateway ws://HOST:PORT and --api http://HOST:PORT")
        for url, scheme in (*((url, "ws") for url in self.gateways), *((url, "http") for url in self.apis)):
            if not _is_address(url, scheme):
                raise Trouble(f"{url!r} is no address of the form {scheme}://HOST:PORT")
        if len(self.secret.encode()) < MIN_SECRET_BYTES:
            raise Trouble(f"{SECRET} must be set to the secret of the platform: people need tokens signed with it")


def swarms(given: argparse.Namespace) -> int:
    """How many child processes: as asked for, else as few as can hold everybody."""
    return int(given.swarms) or -(-max(1, given.connections) // MOST_OF_A_SWARM)


def check(given: argparse.Namespace) -> None:
    """
    Raises:
        Trouble: something makes no sense whatever the platform.
    """
    if given.scenario not in SCENARIOS:
        raise Trouble(f"there is no scenario {given.scenario!r}; there are: {', '.join(SCENARIOS)}")
    if given.dialect not in dialects():
        raise Trouble(f"there is no dialect {given.dialect!r}; there are: {', '.join(dialects())}")
    for value, low, high, name in (
        (given.connections, 2, MAX_CONNECTIONS, "connections"),
        (given.batch, 2, MOST_OF_A_SWARM, "batch"),
        (given.arrivals, 1, 100_000, "arrivals"),
        (given.group_size, 2, 1_000, "group-size"),
        (given.talk, 0, 1_000, "talk"),
        (given.stretch, 0.01, 1_000, "stretch"),
        (given.return_window, 0, 3_600, "return-window"),
        (given.swarms, 0, 64, "swarms"),
    ):
        if not low <= value <= high:
            raise Trouble(f"--{name} is {value:,}; it must be from {low:,} to {high:,}")
    if _meet(given.meet) is not None and not given.gateway:
        raise Trouble("--meet is for a platform that runs already: say where it is with --gateway and --api")
    held = swarms(given) * MOST_OF_A_SWARM
    if given.connections > held:
        raise Trouble(f"--swarms {given.swarms} hold {held:,} connections at most, not {given.connections:,}")


def add_arguments(parser: Any) -> None:
    """The options of a test, for our own parser and for Locust's, which shows them on its page too."""
    group = parser.add_argument_group("causerie", "the load test of a Causerie platform")
    names = ", ".join(SCENARIOS)
    group.add_argument("--scenario", default="chat", help=f"what happens: {names} (chat)")
    group.add_argument("--connections", type=int, default=2_000, metavar="N", help="how many, up to 100,000 (2000)")
    group.add_argument("--batch", type=int, default=500, metavar="N", help="connections of one Locust user (500)")
    group.add_argument("--arrivals", type=float, default=200.0, metavar="N", help="connections a second (200)")
    group.add_argument("--group-size", type=int, default=10, metavar="N", help="people in a group (10)")
    group.add_argument("--talk", type=float, default=1.0, metavar="X", help="times what the scenario says a second (1)")
    group.add_argument("--stretch", type=float, default=1.0, metavar="X", help="times as long as the scenario says (1)")
    group.add_argument(
        "--return-window", type=float, default=8.0, metavar="S", help="who is cut off comes back within S seconds (8)"
    )
    group.add_argument("--dialect", default="native", help=f"how they speak: {', '.join(dialects())} (native)")
    group.add_argument("--gateway", default="", metavar="URLS", help="ws://HOST:PORT, several with commas")
    group.add_argument("--api", default="", metavar="URLS", help="http://HOST:PORT, several with commas")
    group.add_argument("--swarms", type=int, default=0, metavar="N", help="child processes; as many as needed")
    group.add_argument(
        "--meet",
        default="",
        metavar="[HOST]:PORT",
        help="start no children; wait here for `python -m loadtest.swarm HOST:PORT`, --swarms of them, from anywhere",
    )
    group.add_argument("--record", default="", metavar="FILE", help="write what the planner reads")
    group.add_argument("--parts", default="", metavar="FILE", help="JSON that names what to scrape and weigh")
    for field in fields(Thresholds):
        name, shown = field.name.replace("_", "-"), f"{field.default:g}"
        group.add_argument(f"--{name}", type=float, default=field.default, metavar="X", help=f"({shown})")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().rstrip("/") for word in (text or "").split(",") if word.strip())


def address(text: str) -> tuple[str, int]:
    """Host and port; no host is every one of this machine.

    Raises:
        Trouble: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Trouble(f"{text!r} is no address of the form HOST:PORT")
    return host.strip("[]"), int(port)


def platform_secret() -> str:
    """Of several, which let a new one come before the old one goes, any will do."""
    return os.environ.get(SECRET, "").split(",")[0].strip()


def _meet(text: str) -> tuple[str, int] | None:
    return address(text) if text else None


def _is_address(url: str, scheme: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == scheme and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        return False
