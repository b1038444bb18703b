"""The workers alive now, and which shards each of them should own.

Pure: leases decide who owns a shard; this only says who should try, so that two workers do not snatch at the same one
and a newcomer gets his share.
"""

from collections.abc import Collection, Iterable, Mapping

from causerie.domain.shards import preferred_owner

SILENCE_SECONDS = 3.5
"""Workers are heard every second."""
TRIAL_SECONDS = 2.0
"""How long a newcomer must have been heard before shards are handed to him."""
PATIENCE_SECONDS = 3.0
"""How long a free shard is left to whoever is preferred."""


class Colleagues:
    """What one worker knows of the others."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._heard: dict[str, tuple[float, float]] = {}
        self._free_since: dict[int, float] = {}

    def heard(self, worker: str, *, now: float) -> None:
        if worker != self._me:
            first, _ = self._heard.get(worker, (now, now))
            self._heard[worker] = (first, now)

    def left(self, worker: str) -> None:
        self._heard.pop(worker, None)

    def expire(self, *, now: float) -> None:
        for worker in [worker for worker, (_, last) in self._heard.items() if now - last > SILENCE_SECONDS]:
            del self._heard[worker]

    def to_claim(self, owners: Mapping[int, str | None], *, now: float) -> list[int]:
        """Free shards that are ours to take: we are preferred, or whoever is has not come."""
        free = {shard for shard, owner in owners.items() if owner is None}
        self._free_since = {shard: self._free_since.get(shard, now) for shard in free}
        others = {owner for owner in owners.values() if owner is not None} | self._heard.keys()
        everybody = {self._me, *others}
        return sorted(
            shard
            for shard in free
            if preferred_owner(shard, everybody) == self._me or now - self._free_since[shard] > PATIENCE_SECONDS
        )

    def to_hand_over(self, owned: Iterable[int], *, now: float) -> list[int]:
        """Shards of ours that somebody else is preferred for, who is there and has been for a while."""
        settled: Collection[str] = {worker for worker, (first, _) in self._heard.items() if now - first > TRIAL_SECONDS}
        return [shard for shard in owned if preferred_owner(shard, {self._me, *settled}) != self._me]
