"""When which fault strikes: drawn from a seed alone, so that a run that failed can be run again.

The schedule is a sequence, not a timetable: after each heal the clients are waited for, which takes as long as
it takes, and the next fault comes a drawn calm later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

CALM_SECONDS = (3.0, 6.0)
MENDING_SECONDS = 3.0
"""What restarting and converging is reckoned to take, for filling a given time."""


class Drawable(Protocol):
    """What the schedule needs to know of a fault."""

    @property
    def name(self) -> str: ...
    @property
    def hold_seconds(self) -> tuple[float, float]: ...
    @property
    def places(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come: after `calm_seconds` it strikes the `place`-th of its targets for `hold_seconds`."""

    fault: str
    place: int
    calm_seconds: float
    hold_seconds: float

    @property
    def lasts_seconds(self) -> float:
        return self.calm_seconds + self.hold_seconds + MENDING_SECONDS


def draw(seed: int, faults: Sequence[Drawable], *, times: int = 1, seconds: float | None = None) -> list[Planned]:
    """Each fault `times` over, shuffled, or as many rounds as fill the given time.

    A round holds every fault once; targets take turns, so that two rounds strike both of two.
    """
    random = Random(seed)
    first = {fault.name: random.randrange(fault.places) for fault in faults}
    planned: list[Planned] = []
    turn = 0
    while faults and (turn < times if seconds is None else sum(p.lasts_seconds for p in planned) < seconds):
        for fault in random.sample(list(faults), len(faults)):
            place = (first[fault.name] + turn) % fault.places
            planned.append(
                Planned(fault.name, place, random.uniform(*CALM_SECONDS), random.uniform(*fault.hold_seconds))
            )
        turn += 1
    if seconds is not None:
        while len(planned) > 1 and sum(p.lasts_seconds for p in planned) > seconds:
            planned.pop()
    return planned
