"""What the work of each part is made of, fitted to runs: cores and bytes for each pod, connection, delivery, message.

Errors of such measurements are in proportion: a stage that used twice as much is twice as far off.  So each observation
weighs by what it used, and an interval is a share of what is predicted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.planner.leastsquares import Fit, TooFew, fit, student90
from loadtest.planner.records import SERVICES, STORES, Load, Run, StageSeen
from loadtest.trouble import Trouble

CPU_DRIVERS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("pods", "connections", "deliveries", "messages", "turns", "handshakes"),
    "worker": ("pods", "connections", "deliveries", "messages", "turns", "handshakes"),
    "api": ("pods", "pages"),
    "postgres": ("pods", "messages", "turns", "handshakes", "pages"),
    "redis": ("pods", "messages", "handshakes", "pages"),
    "nats": ("pods", "connections", "deliveries", "messages", "turns", "handshakes"),
}
MEMORY_DRIVERS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("pods", "connections"),
    "worker": ("pods", "connections"),
    "api": ("pods",),
    # Its memory is what it keeps of tables, up to its settings: no number of connections or messages says it.
    "postgres": ("pods",),
    "redis": ("pods", "connections"),
    "nats": ("pods", "messages"),
}
APART_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""How close messages must come to share a turn: the one is taken with which the fit is best."""
MEASURABLE_CORES = 0.004
"""Below that a part is as good as idle, and errors are no longer in proportion."""
MEASURABLE_BYTES = 4.0 * 1024 * 1024
PER_DOUBLING = 0.05
"""How much the cost of a piece of work may change each time there are twice as many connections as were measured: from
1,000 to 100,000, which is 6.6 doublings, that of a delivery was a quarter off its middle (docs/performance.md)."""


@dataclass(frozen=True)
class Estimate:
    """`low` to `high` holds nine of ten."""

    value: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """Half the width, as a share of the value."""
        return (self.high - self.low) / 2 / self.value if self.value else math.inf

    @staticmethod
    def total(parts: Sequence["Estimate"]) -> "Estimate":
        """The sum, as if all were off in the same direction."""
        return Estimate(sum(one.value for one in parts), sum(one.low for one in parts), sum(one.high for one in parts))


@dataclass(frozen=True)
class Cost:
    """One resource of one part. `most` is the largest number of connections it was fitted to."""

    part: str
    drivers: tuple[str, ...]
    fit: Fit
    floor: float
    most: float
    apart_seconds: float = 0.0

    def at(self, load: Load, pods: float) -> Estimate:
        row = load.row(self.drivers, pods, apart_seconds=self.apart_seconds)
        value = self.fit.at(row)
        spread = math.hypot(self.fit.sigma * max(value, self.floor), self.fit.error_at(row))
        half = math.hypot(student90(self.fit.degrees) * spread, _bent(load, self.most) * value)
        return Estimate(value, max(0.0, value - half), value + half)

    def error_at(self, load: Load, pods: float) -> float:
        """How unsure the fit is there, single stages apart: nine of ten."""
        row = load.row(self.drivers, pods, apart_seconds=self.apart_seconds)
        return student90(self.fit.degrees) * self.fit.error_at(row)

    def each(self, driver: str) -> Estimate | None:
        """What one more costs; None when it was found to be nothing, or not told apart."""
        if driver not in self.drivers:
            return None
        column = self.drivers.index(driver)
        if column not in self.fit.active:
            return None
        value, half = self.fit.coefficients[column], student90(self.fit.degrees) * self.fit.error_of(column)
        return Estimate(value, max(0.0, value - half), value + half)


@dataclass(frozen=True)
class Model:
    """All parts. `kernel_each` is bytes of the kernel for one end of a connection, `scatter` by what share the cores of
    all parts together are off in a stage: what one part has less another often has more."""

    cores: Mapping[str, Cost]
    memory: Mapping[str, Cost]
    kernel_each: float
    disk_each: float | None
    database_seconds_each: float | None
    most: float
    scatter: float
    runs: tuple[str, ...]

    def all_cores(self, load: Load, pods: Mapping[str, float]) -> Estimate:
        """Of all parts that have so many pods."""
        value = sum(self.cores[name].at(load, count).value for name, count in pods.items())
        errors = [self.cores[name].error_at(load, count) for name, count in pods.items()]
        t = student90(min(self.cores[name].fit.degrees for name in pods))
        half = math.hypot(t * self.scatter * value, *errors, _bent(load, self.most) * value)
        return Estimate(value, max(0.0, value - half), value + half)


def learn(runs: Sequence[Run]) -> Model:
    """
    Raises:
        Trouble: the runs do not say enough.
    """
    stages = [stage for run in runs for stage in run.stages]
    most = max(stage.load.connections for stage in stages)
    names = [name for name in (*SERVICES, *STORES) if any(name in stage.parts for stage in stages)]
    if "gateway" not in names:
        raise Trouble("the runs have nothing of a gateway: give the load test --parts, or let it start the platform")
    try:
        cores = {name: _cores(name, stages, most) for name in names}
        memory = {name: _memory(name, stages, most) for name in names}
    except TooFew as error:
        raise Trouble(f"{error}: make runs of the scenario `sizing` with two numbers of connections") from None
    # The more messages, the less it matters how tables begin.
    disk = max((run for run in runs if run.disk_each is not None), key=lambda run: run.messages, default=None)
    database = [run.database_seconds_each for run in runs if run.database_seconds_each is not None]
    return Model(
        cores,
        memory,
        _kernel_each(runs),
        None if disk is None else disk.disk_each,
        max(database, default=None),
        most,
        _scatter(cores, stages),
        tuple(run.name for run in runs),
    )


def _bent(load: Load, most: float) -> float:
    """How far off, as a share, a straight line may be beyond what was measured."""
    return PER_DOUBLING * max(0.0, math.log2(load.connections / most)) if most and load.connections else 0.0


def _scatter(cores: Mapping[str, Cost], stages: Sequence[StageSeen]) -> float:
    """The mean square, corrected for what was fitted."""
    off = []
    for stage in stages:
        parts = {name: used for name, used in stage.parts.items() if name in cores}
        said = sum(cores[name].at(stage.load, used.pods).value for name, used in parts.items())
        measured = sum(used.cores for used in parts.values())
        off.append((measured - said) / max(measured, MEASURABLE_CORES))
    fitted = max(len(cost.fit.active) for cost in cores.values())
    return math.sqrt(sum(one * one for one in off) / max(1, len(off) - fitted))


def _cores(name: str, stages: Sequence[StageSeen], most: float) -> Cost:
    drivers = CPU_DRIVERS[name]
    seen = [(stage.load, stage.parts[name]) for stage in stages if name in stage.parts]
    values = [used.cores for _, used in seen]
    sigmas = [max(y, MEASURABLE_CORES) for y in values]

    def tried(drivers: tuple[str, ...], apart: float) -> Cost:
        rows = [load.row(drivers, used.pods, apart_seconds=apart) for load, used in seen]
        return Cost(name, drivers, fit(rows, values, sigmas), MEASURABLE_CORES, most, apart)

    plain = tried(tuple(driver for driver in drivers if driver != "turns"), 0.0)
    if "turns" not in drivers:
        return plain
    bent = min((tried(drivers, apart) for apart in APART_SECONDS), key=lambda cost: cost.fit.sigma)
    # One more number always fits better; it has to be worth it, or it only makes the plan less sure.
    return bent if bent.fit.merit(more=1) < plain.fit.merit() else plain


def _memory(name: str, stages: Sequence[StageSeen], most: float) -> Cost:
    drivers = MEMORY_DRIVERS[name]
    # While people arrive the mean of connections is not what stands there at the end.
    settled = [stage for stage in stages if name in stage.parts and stage.load.handshakes < 1.0]
    values = [stage.parts[name].memory_bytes for stage in settled]
    rows = [stage.load.row(drivers, stage.parts[name].pods, apart_seconds=0.0) for stage in settled]
    sigmas = [max(y, MEASURABLE_BYTES) for y in values]
    return Cost(name, drivers, fit(rows, values, sigmas), MEASURABLE_BYTES, most)


def _kernel_each(runs: Sequence[Run]) -> float:
    """Both ends of each connection were on the machine that was looked at."""
    found = []
    for run in runs:
        empty = next((stage for stage in run.stages if not stage.load.connections), None)
        full = max(run.stages, key=lambda stage: stage.load.connections)
        if empty is not None and full.load.connections:
            found.append((full.kernel_bytes - empty.kernel_bytes) / full.load.connections / 2)
    return max(0.0, max(found, default=0.0))
