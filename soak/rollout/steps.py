"""What each step of a rollout did to the connections, held against what was promised. Pure: values in, values out.

Whether a message was lost is the loss ledger's to say; here it is whether people were moved gently, and are all back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from soak.evidence import Struck
from soak.ledger import Ledger, Verdict

HERD = 2.0
"""Times the mean second of a drain: more goodbyes in one are a herd."""
EVEN_WITHIN = 0.15
"""Of the mean: so far may a gateway be from it when a scale-out has settled."""
TOLD_SHARE = 0.9
"""Of a gateway's connections; a drain that sent fewer away proves nothing."""


class Kind(StrEnum):
    HERD = "herd"
    """A second of a drain in which far more left than in others."""
    CUT = "cut off"
    """Connections that a gateway ended without a word."""
    UNEVEN = "uneven"
    """A gateway that holds far more or less than the others after a scale-out."""
    AWAY = "away"
    """Clients that did not come back."""
    UNPROVEN = "unproven"
    """A step that did not provably happen."""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class Drained:
    """One gateway told to end: how many it held, and when each of its clients heard goodbye."""

    gateway: str
    held: int
    told_at: float
    seconds: float
    """Over which it was to say goodbye."""
    is_gone: bool
    goodbyes: Sequence[float] = ()
    cut_off: int = 0
    stalls: Sequence[tuple[float, float]] = ()
    """When we who watch stood still ourselves until, and for how long: what we heard then was said meanwhile."""

    @property
    def mean(self) -> float:
        """Goodbyes a second, if all were alike."""
        return len(self.goodbyes) / self.seconds

    @property
    def busiest(self) -> float:
        """Goodbyes a second in the second that had most."""
        heard = Counter(int(at - self.told_at) for at in self.goodbyes)
        late: defaultdict[int, float] = defaultdict(float)
        for until, seconds in self.stalls:
            late[int(until - self.told_at)] += seconds
        return max((count / (1 + late[second]) for second, count in heard.items()), default=0.0)

    @property
    def proof(self) -> str | None:
        """By what it was seen to happen."""
        if not self.is_gone or not self.held or len(self.goodbyes) < TOLD_SHARE * self.held:
            return None
        return f"{len(self.goodbyes)} of {self.held} were sent away"


@dataclass(frozen=True, slots=True)
class Step:
    """`moved` are those whom rebalancing sent elsewhere; `held` is what each gateway holds when all is done."""

    name: str
    seconds: float
    drained: Sequence[Drained]
    moved: int
    held: Mapping[str, int]
    away: Sequence[str]
    is_scale_out: bool = False

    @property
    def proof(self) -> str | None:
        if self.is_scale_out:
            return f"{self.moved} were moved" if self.moved else None
        proofs = [drained.proof for drained in self.drained]
        return None if not proofs or None in proofs else "; ".join(proof for proof in proofs if proof)

    def findings(self) -> Iterator[Finding]:
        for drained in self.drained:
            if drained.busiest > HERD * drained.mean:
                what = (
                    f"{drained.busiest:.0f} goodbyes in one second of {drained.gateway}, {drained.mean:.0f} on average"
                )
                yield Finding(Kind.HERD, what)
            if drained.cut_off:
                yield Finding(Kind.CUT, f"{drained.cut_off} connections of {drained.gateway}")
        if self.is_scale_out:
            yield from self._uneven()
        if self.away:
            yield Finding(Kind.AWAY, f"{len(self.away)} clients after {self.name}, {self.away[0]} one of them")
        if self.proof is None:
            yield Finding(Kind.UNPROVEN, self.name)

    def _uneven(self) -> Iterator[Finding]:
        mean = sum(self.held.values()) / max(1, len(self.held))
        for gateway, held in self.held.items():
            if abs(held - mean) > EVEN_WITHIN * mean:
                yield Finding(Kind.UNEVEN, f"{gateway} holds {held}, {mean:.0f} on average")


@dataclass(frozen=True, slots=True)
class Rollout:
    """All steps, and the loss ledger of the messages sent meanwhile."""

    ledger: Ledger
    steps: Sequence[Step]
    struck: Sequence[Struck]
    """The same steps as the loss ledger knows them."""

    @property
    def findings(self) -> list[Finding]:
        return [finding for step in self.steps for finding in step.findings()]

    @property
    def verdict(self) -> Verdict:
        kinds = {finding.kind for finding in self.findings}
        if self.ledger.verdict is Verdict.FAIL or kinds - {Kind.UNPROVEN}:
            return Verdict.FAIL
        if self.ledger.verdict is Verdict.UNKNOWN or kinds or not self.steps:
            return Verdict.UNKNOWN
        return Verdict.PASS
