"""From a demand to pods: how many, how large, how fast they may leave, what the stores need."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.planner.model import Estimate, Model
from loadtest.planner.records import Load
from loadtest.trouble import Trouble

MIB = 1024 * 1024
UTILIZATION = 0.7
"""Percent of the requested CPU that autoscaling aims at, and of its core that a process may use: it has one loop."""
MIN_PODS = 2
MAX_PODS_CONNECTIONS = 20_000
HANDSHAKES_EACH = 500
"""A second, that a gateway takes (`CAUSERIE_HANDSHAKES_PER_SECOND`)."""
SECONDS_OF_MONTH = 30.44 * 86_400
MEASURED_TEXT_BYTES = 200
MEMORY_MARGIN = 1.15
LEAST_CPU_MILLI, LEAST_MEMORY_MIB = 50, 128


@dataclass(frozen=True)
class Demand:
    """What is wished. `hours_a_day` is how long the messages of the peak go on."""

    connections: int
    messages_per_second: float
    group_size: int
    pages_per_second: float
    hours_a_day: float = 8.0
    text_bytes: int = MEASURED_TEXT_BYTES
    retention_months: int = 12
    connections_per_pod: int = 10_000

    def __post_init__(self) -> None:
        for value, low, high, name in (
            (self.connections, 1, 100_000_000, "connections"),
            (self.messages_per_second, 0, 10_000_000, "messages-per-second"),
            (self.group_size, 1, 1_000, "group-size"),
            (self.pages_per_second, 0, 10_000_000, "pages-per-second"),
            (self.hours_a_day, 0, 24, "hours-a-day"),
            (self.text_bytes, 1, 16_384, "message-bytes"),
            (self.retention_months, 1, 1_200, "retention-months"),
            (self.connections_per_pod, 100, MAX_PODS_CONNECTIONS, "connections-per-pod"),
        ):
            if not low <= value <= high:
                raise Trouble(f"--{name} is {value:,}; it must be from {low:,} to {high:,}")

    @property
    def load(self) -> Load:
        """At the peak; a hundredth of all connections comes anew each minute, as phones do."""
        return Load(
            connections=self.connections,
            deliveries=self.messages_per_second * self.group_size,
            messages=self.messages_per_second,
            handshakes=self.connections / 100 / 60,
            pages=self.pages_per_second,
        )


@dataclass(frozen=True)
class Pods:
    """One service."""

    replicas: int
    cpu_milli: int
    memory_mib: int
    memory_limit_mib: int
    min_replicas: int
    max_replicas: int
    database_connections: int


@dataclass(frozen=True)
class Plan:
    """The answer."""

    demand: Demand
    services: Mapping[str, Pods]
    cores: Mapping[str, Estimate]
    memory: Mapping[str, Estimate]
    all_cores: Estimate
    target_connections: int
    max_connections: int
    drain_seconds: int
    postgres_connections: int
    storage_gib_a_month: float | None
    storage_gib: float | None


def size(model: Model, demand: Demand) -> Plan:
    """Every number is for the upper end of what may be needed, for a plan that is short is found out at the peak."""
    load = demand.load
    gateways = _gateways(model, demand)
    workers = max(MIN_PODS, _by_cpu(model, "worker", load))
    apis = max(MIN_PODS, _by_cpu(model, "api", load))
    counts = {"gateway": gateways, "worker": workers, "api": apis}
    cores = {name: cost.at(load, counts.get(name, 1)) for name, cost in model.cores.items()}
    memory = {name: cost.at(load, counts.get(name, 1)) for name, cost in model.memory.items()}
    target = _up(demand.connections / gateways, 100)
    # One pod ends and its sockets go to the others, of which each must still have room.
    most = min(MAX_PODS_CONNECTIONS, _up(1.25 * target * gateways / (gateways - 1), 500))
    kernel = {"gateway": model.kernel_each * demand.connections}
    services = {
        name: _pods(name, counts[name], cores[name], memory[name], kernel.get(name, 0.0), most / target)
        if name in cores
        else Pods(counts[name], 250, 256, 512, MIN_PODS, 2 * counts[name], 10)
        for name in ("api", "gateway", "worker")
    }
    pools = _pool(model, load, gateways, apis)
    services = {name: _with_pool(pods, pools[name]) for name, pods in services.items()}
    month = None
    if model.disk_each is not None:
        each = model.disk_each + demand.text_bytes - MEASURED_TEXT_BYTES
        share = demand.hours_a_day / 24
        month = demand.messages_per_second * share * SECONDS_OF_MONTH * max(each, 0.0) / 1024**3
    return Plan(
        demand,
        services,
        cores,
        memory,
        model.all_cores(load, {name: float(counts.get(name, 1)) for name in model.cores}),
        target,
        most,
        _drain_seconds(model, target, gateways),
        sum(pods.replicas * pods.database_connections for pods in services.values()) + 20,
        month,
        None if month is None else month * demand.retention_months,
    )


def _gateways(model: Model, demand: Demand) -> int:
    """Enough for the connections, for the CPU, and for going on when one of them is lost."""
    pods = max(MIN_PODS, -(-demand.connections // demand.connections_per_pod), _by_cpu(model, "gateway", demand.load))
    while demand.connections / (pods - 1) * 1.25 > MAX_PODS_CONNECTIONS:
        pods += 1
    return pods


def _by_cpu(model: Model, part: str, load: Load) -> int:
    cost = model.cores.get(part)
    if cost is None:
        return 0
    for pods in range(1, 10_000):
        if cost.at(load, pods).high / pods <= UTILIZATION:
            return pods
    raise Trouble(f"a {part} by itself uses more than {UTILIZATION:.0%} of a core when idle: the runs cannot be right")


def _pods(name: str, count: int, cores: Estimate, memory: Estimate, kernel: float, room: float) -> Pods:
    each = (memory.high + kernel) / count / MIB
    milli = max(LEAST_CPU_MILLI, _up(cores.high / count / UTILIZATION * 1000, 10))
    mib = max(LEAST_MEMORY_MIB, _up(each * MEMORY_MARGIN, 16))
    limit = _up(mib * (max(room, 1.0) if name == "gateway" else 1.0) * 1.5, 16)
    return Pods(count, milli, mib, limit, max(MIN_PODS, -(-count // 2)), count + max(2, -(-count // 2)), 0)


def _pool(model: Model, load: Load, gateways: int, apis: int) -> dict[str, int]:
    """By Little's law with three times the mean, since sends come in bursts; two more are for what is rare."""
    busy = (model.database_seconds_each or 0.0) * (load.messages + load.handshakes)
    return {
        "gateway": min(20, max(5, math.ceil(3 * busy / gateways) + 2)),
        "api": min(20, max(5, math.ceil(3 * load.pages * 0.005 / apis) + 2)),
        "worker": 10,
    }


def _with_pool(pods: Pods, connections: int) -> Pods:
    return Pods(
        pods.replicas,
        pods.cpu_milli,
        pods.memory_mib,
        pods.memory_limit_mib,
        pods.min_replicas,
        pods.max_replicas,
        connections,
    )


def _drain_seconds(model: Model, target: int, gateways: int) -> int:
    """Those sent away come to the others, who take them with half of the CPU that is spare, and half of their pace."""
    each = model.cores["gateway"].each("handshakes")
    spare = (1 - UTILIZATION) * (gateways - 1)
    by_cpu = spare / 2 / each.high if each is not None and each.high > 0 else math.inf
    pace = min(by_cpu, HANDSHAKES_EACH / 2 * (gateways - 1), HANDSHAKES_EACH)
    return min(900, max(30, _up(target / pace, 10)))


def _up(value: float, step: int) -> int:
    return math.ceil(value / step) * step
