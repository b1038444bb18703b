"""What happens in a load test, as data: stages one after another, each with who is there and what they do.

Rates are for each 1,000 connections that are there, so that a scenario is the same one at any size.
"""

from collections.abc import Mapping
from dataclasses import dataclass

GATHER_SECONDS = 120.0
"""How long stragglers are waited for when everybody else is there."""


@dataclass(frozen=True)
class Stage:
    """`present` is the share of all connections; `gathers` ends the stage as soon as they are there, ramp and all."""

    name: str
    seconds: float
    present: float = 1.0
    gathers: bool = False
    at_once: bool = False
    """They come as fast as they are taken instead of at the rate asked for."""
    direct: float = 0.0
    group: float = 0.0
    channel: float = 0.0
    history: float = 0.0
    presence: float = 0.0
    cut: float = 0.0
    """The share of connections that is reset at the beginning; they come back by themselves."""

    @property
    def messages(self) -> float:
        """A second, for each 1,000 connections."""
        return self.direct + self.group + self.channel


@dataclass(frozen=True)
class Scenario:
    """`watched` is how many others each connection wants to know the presence of."""

    about: str
    stages: tuple[Stage, ...]
    watched: int = 0


_EMPTY = Stage("empty", 3.0, present=0.0)
_ARRIVE = Stage("arrive", GATHER_SECONDS, gathers=True)
_QUIET = Stage("quiet", 2.0)


SCENARIOS: Mapping[str, Scenario] = {
    "chat": Scenario(
        "people arrive and talk: directly, in groups, in channels of which few are popular",
        (_EMPTY, _ARRIVE, Stage("talk", 60.0, direct=4.0, group=5.0, channel=0.4), _QUIET),
    ),
    "connect-storm": Scenario(
        "everybody comes at once",
        (_EMPTY, Stage("storm", GATHER_SECONDS, gathers=True, at_once=True), Stage("stay", 30.0, direct=2.0), _QUIET),
    ),
    "reconnect-storm": Scenario(
        "everybody talks, is cut off at one moment and comes back for what was missed",
        (
            _EMPTY,
            _ARRIVE,
            Stage("talk", 20.0, direct=2.0, group=2.0, channel=0.2),
            Stage("cut", GATHER_SECONDS, gathers=True, cut=1.0, direct=2.0, group=2.0),
            Stage("talk again", 20.0, direct=2.0, group=2.0, channel=0.2),
            _QUIET,
        ),
    ),
    "presence-storm": Scenario(
        "people go away and come back to their desks, and each is watched by twenty others",
        (_EMPTY, _ARRIVE, Stage("to and fro", 45.0, presence=20.0), _QUIET),
        watched=20,
    ),
    "history-readers": Scenario(
        "people scroll back in conversations that go on",
        (_EMPTY, _ARRIVE, Stage("talk", 15.0, group=5.0), Stage("read", 45.0, group=1.0, history=20.0), _QUIET),
    ),
    "mixed-day": Scenario(
        "a day in minutes: morning, noon, a train in a tunnel, evening",
        (
            _EMPTY,
            Stage("night", GATHER_SECONDS, present=0.1, gathers=True),
            Stage("morning", GATHER_SECONDS, present=0.7, gathers=True, direct=1.0, group=2.0, history=4.0),
            Stage("forenoon", 30.0, present=0.7, direct=4.0, group=5.0, channel=0.4, history=3.0, presence=2.0),
            Stage("noon", GATHER_SECONDS, gathers=True, direct=2.0, group=2.0, history=2.0, presence=4.0),
            Stage("tunnel", GATHER_SECONDS, gathers=True, cut=0.2, direct=3.0, group=4.0),
            Stage("afternoon", 30.0, direct=5.0, group=6.0, channel=0.6, history=3.0, presence=2.0),
            Stage("evening", 20.0, present=0.3, direct=2.0, group=2.0, channel=0.2),
            Stage("quiet", 2.0, present=0.3),
        ),
        watched=5,
    ),
    "sizing": Scenario(
        "one thing at a time, so that the planner can tell what each costs",
        (
            Stage("empty", 12.0, present=0.0),
            _ARRIVE,
            # Longer than a heartbeat with its spread, or what silence costs is not seen.
            Stage("idle", 30.0),
            Stage("direct", 30.0, direct=20.0),
            Stage("group", 30.0, group=10.0),
            Stage("channel", 30.0, channel=2.0),
            Stage("pages", 20.0, history=10.0),
            Stage("busy", 30.0, direct=10.0, group=20.0, channel=1.0),
            _QUIET,
        ),
    ),
}
