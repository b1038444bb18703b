"""What a generator tells of its work, as values."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Durations:
    """Milliseconds; right within 6 %."""

    count: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0


@dataclass(frozen=True)
class Connected:
    """`upgraded` is from the first SYN to the 101, `welcomed` to the end of the script."""

    ready: int
    failed: int
    seconds: float
    trouble: str
    upgraded: Durations
    welcomed: Durations


@dataclass(frozen=True)
class Pumped:
    """What a pump measured. `writes` are those of the server as they arrived, `reads` what we took of them at once."""

    deliveries: int
    seconds: float
    reads: int
    writes: int
    bytes: int
    generator_cpu: float
    bursts: int
    readers: int
    missing: int
    stalled: bool
    closed: int
    refused: int
    trouble: str
    latency: Durations = field(default_factory=Durations)


@dataclass(frozen=True)
class Talked:
    """What came of a talk: counts of all of it, and of the `seconds` between its edges what is named `measured`.

    `expected` is how often what was accepted should be delivered; `slowest_second` counts what was accepted in it.
    """

    seconds: float
    sent: int
    accepted: int
    refused: int
    unanswered: int
    delivered: int
    expected: int
    measured_accepted: int
    measured_delivered: int
    slowest_second: int
    generator_cpu: float
    closed: int
    trouble: str
    answered: Durations
    arrived: Durations

    @property
    def is_whole(self) -> bool:
        """Nothing lost, refused or cut off, and nothing delivered twice."""
        return self.delivered == self.expected and not (self.refused or self.unanswered or self.closed)


@dataclass(frozen=True)
class Arrived:
    """A broadcast as one generator saw it; times are nanoseconds of the machine's steady clock, 0 when nothing came."""

    wanted: int
    seen: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True)
class Returned:
    """How a group came back: `postponed` counts answers that named a time, `troubled` other failures; `returned` is
    from the reset to the end of the script, `welcomed` from the last attempt's SYN."""

    wanted: int
    back: int
    seconds: float
    postponed: int
    troubled: int
    closed: int
    trouble: str
    returned: Durations
    welcomed: Durations
