"""A plan for a person: what was learnt and how sure, what is needed, what follows."""

from collections.abc import Sequence

from loadtest.planner.model import Cost, Estimate, Model
from loadtest.planner.records import MIN_MESSAGES, STORES
from loadtest.planner.sizing import MIB, Plan

_UNITS = {
    "pods": ("a pod", 1e3, "mcores"),
    "connections": ("1,000 connections", 1e6, "mcores"),
    "deliveries": ("a delivery", 1e6, "µs"),
    "messages": ("a message", 1e6, "µs"),
    "turns": ("… that wakes it", 1e6, "µs"),
    "handshakes": ("a handshake", 1e6, "µs"),
    "pages": ("a page", 1e6, "µs"),
}


def report(model: Model, plan: Plan) -> str:
    """Everything that is printed."""
    demand = plan.demand
    lines = [
        f"learnt from: {'; '.join(model.runs)} (± holds nine of ten; - is nothing, or not told apart)",
        "",
        *_table([("part", "what", "costs", "±")], [row for cost in model.cores.values() for row in _cores(cost)]),
        "",
        *_table([("part", "what", "bytes", "±")], [row for cost in model.memory.values() for row in _memory(cost)]),
        "",
        f"for {demand.connections:,} connections, {demand.messages_per_second:,g} messages/s in groups of "
        f"{demand.group_size} ({demand.load.deliveries:,.0f} deliveries/s), {demand.pages_per_second:,g} pages/s:",
        "",
        *_table(
            [("service", "pods", "cores in all", "±", "MiB in all", "±", "request", "limit", "pool", "autoscaling")],
            [_service(plan, name) for name in ("api", "gateway", "worker")],
        ),
        "",
        *_table([("store", "cores", "±", "MiB", "±")], [_store(plan, name) for name in STORES if name in plan.cores]),
        "",
        f"everything together: {plan.all_cores.value:.2f} cores ± {_share(plan.all_cores)}",
        f"a gateway: {plan.target_connections:,} connections aimed at, {plan.max_connections:,} at most, "
        f"{plan.drain_seconds} s to drain; {_each(model.kernel_each)} of the kernel for each connection included",
        f"PostgreSQL: room for {plan.postgres_connections} connections; months ahead 3",
    ]
    if plan.storage_gib_a_month is None:
        few = f"sent fewer than {2 * MIN_MESSAGES:,} messages"
        lines.append(f"storage: not known, the runs did not see PostgreSQL's files, or {few}")
    else:
        lines.append(
            f"storage: {plan.storage_gib_a_month:,.1f} GiB a month at {demand.hours_a_day:g} h a day of the peak, "
            f"{plan.storage_gib:,.0f} GiB after {demand.retention_months} months ({_each(model.disk_each or 0.0)} "
            "a message with its event, key and indexes)"
        )
    if demand.connections > model.most:
        lines.append(
            f"the largest run had {model.most:,.0f} connections: what lies beyond is "
            f"{demand.connections / model.most:.1f} times that, and its ± grows with it"
        )
    return "\n".join(lines) + "\n"


def _cores(cost: Cost) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for driver in cost.drivers:
        what, factor, unit = _UNITS[driver]
        each = cost.each(driver)
        rows.append((cost.part, what, "-" if each is None else f"{each.value * factor:,.1f} {unit}", _share(each)))
    return rows


def _memory(cost: Cost) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for driver in cost.drivers:
        each = cost.each(driver)
        what = {"pods": "a pod", "connections": "a connection", "messages": "a message/s"}[driver]
        rows.append((cost.part, what, "-" if each is None else _each(each.value), _share(each)))
    return rows


def _service(plan: Plan, name: str) -> Sequence[str]:
    pods = plan.services[name]
    cores, memory = plan.cores.get(name), plan.memory.get(name)
    return (
        name,
        str(pods.replicas),
        "-" if cores is None else f"{cores.value:.2f}",
        _share(cores),
        "-" if memory is None else f"{memory.value / MIB:,.0f}",
        _share(memory),
        f"{pods.cpu_milli}m {pods.memory_mib}Mi",
        f"{pods.memory_limit_mib}Mi",
        str(pods.database_connections),
        f"{pods.min_replicas}-{pods.max_replicas}",
    )


def _store(plan: Plan, name: str) -> Sequence[str]:
    cores, memory = plan.cores[name], plan.memory[name]
    return name, f"{cores.value:.2f}", _share(cores), f"{memory.value / MIB:,.0f}", _share(memory)


def _share(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value <= 0:
        return "-"
    return f"{estimate.share:.0%}" if estimate.share < 10 else "> 10 times"


def _each(size: float) -> str:
    return f"{size / MIB:,.1f} MiB" if size >= MIB else f"{size / 1024:,.2f} KiB"


def _table(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[str]:
    everything = [*head, *rows]
    widths = [max(len(row[n]) for row in everything) for n in range(len(head[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in everything
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
