"""Which gateway a cluster should remove first when it scales down: the one with the fewest connections.

A ReplicaSet takes pods with a lower `pod-deletion-cost` first.  One worker keeps it near each gateway's connections,
as the heartbeats say, in coarse steps: every change is a write to the cluster's own store.  When that fails nothing is
lost but the better choice.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causerie.bus.envelopes import Heartbeat
from causerie.cluster import Away, Cluster, Forbidden, PodGone
from causerie.seats.fleet import Fleet
from services.worker.shard import Shard

log = logging.getLogger(__name__)

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
KEEPING_SHARD = 0
"""Its owner writes: one worker at a time, more would do no harm."""
ROUND_SECONDS = 5.0
MAX_WRITES = 20
"""In one round; the others have their turn in the next."""
REST_SECONDS = 30.0
"""Between two writes of one pod, and after a failure."""
FORBIDDEN_SECONDS = 600.0
"""Leave is given by people, who take their time."""
NEAR_SHARE = 0.2
NEAR_COUNT = 50
"""A cost this close to the connections is left as it is: of the two, what allows more."""
DIGITS = 2
"""That count; the rest is rounded away."""


@dataclass(frozen=True, slots=True)
class _Written:
    cost: int
    at: float


class Costs:
    """What we wrote about each pod, and what is to be written now. Pure: time comes in."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}

    def due(self, gateways: Sequence[Heartbeat], *, now: float) -> dict[str, int]:
        """Pods whose cost is far from their connections, those we know nothing of, and not whoever leaves anyhow."""
        staying = {heartbeat.pod: heartbeat.connections for heartbeat in gateways if not heartbeat.draining}
        staying.pop("", None)
        self._written = {pod: written for pod, written in self._written.items() if pod in staying}
        far = {pod: count for pod, count in staying.items() if self._is_far(pod, count, now)}
        return {pod: rounded(count) for pod, count in list(far.items())[:MAX_WRITES]}

    def wrote(self, pod: str, cost: int, *, now: float) -> None:
        self._written[pod] = _Written(cost, now)

    def forget(self) -> None:
        """Somebody else may write from now on."""
        self._written.clear()

    def _is_far(self, pod: str, count: int, now: float) -> bool:
        written = self._written.get(pod)
        if written is None:
            return True
        is_near = abs(count - written.cost) <= max(NEAR_COUNT, NEAR_SHARE * written.cost)
        return not is_near and now - written.at >= REST_SECONDS


def rounded(count: int) -> int:
    """To so many digits as matter."""
    return round(count, DIGITS - len(str(count))) if count else 0


class CostKeeper:
    """Looks every round, while it is ours to do."""

    def __init__(self, cluster: Cluster, shards: Mapping[int, Shard]) -> None:
        self._cluster = cluster
        self._shards = shards
        self._fleet = Fleet()
        self._costs = Costs()
        self._rests_until = 0.0

    async def run(self) -> None:
        """For ever. It first listens for a round: only then it knows everybody."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self._round(loop.time())
            except Exception:  # the loop's edge
                log.exception("keeping the deletion costs of pods failed")

    def hear(self, node: Heartbeat) -> None:
        """Note what a node says of itself."""
        self._fleet.hear(node, now=asyncio.get_running_loop().time())

    async def _round(self, now: float) -> None:
        self._fleet.expire(now=now)
        shard = self._shards.get(KEEPING_SHARD)
        if shard is None or not shard.is_held:
            self._costs.forget()
            return
        gateways = self._fleet.gateways(now=now)
        if gateways is None or now < self._rests_until:
            return
        for pod, cost in self._costs.due(gateways, now=now).items():
            try:
                await self._cluster.annotate(pod, {ANNOTATION: str(cost)})
            except PodGone:
                log.info("there is no pod of that name", extra={"pod": pod})
            except (Forbidden, Away) as error:
                pause = FORBIDDEN_SECONDS if isinstance(error, Forbidden) else REST_SECONDS
                self._rests_until = now + pause
                log.warning("a pod's deletion cost was not written", extra={"pod": pod, "reason": str(error)})
                return
            self._costs.wrote(pod, cost, now=now)
