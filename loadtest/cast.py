"""Who takes part, and who talks with whom: decided by numbers alone, so that every process knows it without asking.

People are numbered; a batch is a run of numbers.  Groups and pairs stay inside a batch; channels span all of them and
are followed after Zipf: the first has many readers, most have few.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MAX_FOLLOWERS = 1_000
"""The API opens a conversation with so many at once; one by one each would be news to those before."""
FOLLOWERS_EACH = 200
"""Readers of a channel on average; it says how many channels there are."""

MAX_PAIRS = 4_000
"""Of all people; each takes milliseconds to open, and more would say nothing more."""

Kind = Literal["direct", "group", "channel"]


@dataclass(frozen=True)
class Circle:
    """One conversation to be."""

    kind: Kind
    members: tuple[int, ...]


@dataclass(frozen=True)
class Crowd:
    """How many people, and how they come together. `following` is the share of people who follow a channel."""

    people: int
    batch: int
    group_size: int
    following: float = 0.3
    exponent: float = 1.0

    @property
    def batches(self) -> int:
        return -(-self.people // self.batch)

    def of_batch(self, number: int) -> range:
        return range(number * self.batch, min(self.people, (number + 1) * self.batch))

    def circles(self, *, seed: int = 1) -> list[Circle]:
        """All conversations; the same ones for the same numbers."""
        found: list[Circle] = []
        for number in range(self.batches):
            people = self.of_batch(number)
            found += [Circle("group", tuple(some)) for some in _runs(people, self.group_size)]
            # Neighbours are in one group already; a pair is of one who sits elsewhere.
            half = len(people) // 2
            pairs = min(half, -(-MAX_PAIRS // self.batches))
            found += [Circle("direct", (people[n], people[n + half])) for n in range(pairs)]
        return found + self._channels(random.Random(seed))

    def _channels(self, dice: random.Random) -> list[Circle]:
        readers = dice.sample(range(self.people), int(self.people * self.following))
        count = max(1, len(readers) // FOLLOWERS_EACH)
        weights = zipf(count, self.exponent)
        followed: list[list[int]] = [[] for _ in range(count)]
        for reader in readers:
            channel = dice.choices(range(count), weights)[0]
            if len(followed[channel]) < MAX_FOLLOWERS:
                followed[channel].append(reader)
        return [Circle("channel", tuple(sorted(some))) for some in followed if len(some) > 1]


def zipf(count: int, exponent: float) -> list[float]:
    """Weights of things by their popularity, the most popular first."""
    return [1.0 / place**exponent for place in range(1, count + 1)]


def _runs(people: range, size: int) -> list[Sequence[int]]:
    runs: list[Sequence[int]] = [people[start : start + size] for start in range(0, len(people), size)]
    # One alone cannot talk: he joins those before him.
    if len(runs) > 1 and len(runs[-1]) == 1:
        last = runs.pop()
        runs[-1] = [*runs[-1], *last]
    return [some for some in runs if len(some) > 1]
