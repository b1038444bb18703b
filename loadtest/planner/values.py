"""A plan as Helm values: `helm upgrade … -f values.capacity.yaml`. Written by hand, so that each line says why."""

from loadtest.planner.model import Model
from loadtest.planner.sizing import UTILIZATION, Plan, Pods


def values(model: Model, plan: Plan) -> str:
    """The file. A plan made from the same runs is the same file."""
    demand = plan.demand
    gateway, together = plan.cores["gateway"], plan.all_cores
    lines = [
        "# Made by `causerie plan`; use it with `helm upgrade … -f values.capacity.yaml`.",
        f"# For {demand.connections:,} connections, {demand.messages_per_second:,g} messages/s in groups of "
        f"{demand.group_size}, {demand.pages_per_second:,g} pages/s.",
        f"# From: {'; '.join(model.runs)}.",
        "",
    ]
    lines += _service("api", plan.services["api"])
    lines += _service(
        "gateway",
        plan.services["gateway"],
        f"  drainSeconds: {plan.drain_seconds}",
        f"  targetConnectionsPerPod: {plan.target_connections}",
        f"  maxConnections: {plan.max_connections}",
    )
    lines += _service("worker", plan.services["worker"])
    lines += [
        "partitions:",
        "  monthsAhead: 3",
        f"  retentionMonths: {demand.retention_months}",
        "",
        "# How sure this is; the ± holds nine of ten.",
        "capacity:",
        f"  runs: {_quoted('; '.join(model.runs))}",
        f"  connections: {demand.connections}",
        f"  messagesPerSecond: {demand.messages_per_second:g}",
        f"  groupSize: {demand.group_size}",
        f"  cores: {_quoted(f'{together.value:.2f} ± {together.share:.0%}')}",
        f"  gatewayCores: {_quoted(f'{gateway.value:.2f} ± {gateway.share:.0%}')}",
        f"  postgresqlConnections: {plan.postgres_connections}",
    ]
    for name in ("postgres", "redis", "nats"):
        if name in plan.cores:
            lines.append(f"  {name}Cores: {_quoted(f'{plan.cores[name].value:.2f} ± {plan.cores[name].share:.0%}')}")
    if plan.storage_gib_a_month is not None:
        lines.append(f"  storageGiBPerMonth: {plan.storage_gib_a_month:.1f}")
    return "\n".join(lines) + "\n"


def _service(name: str, pods: Pods, *more: str) -> list[str]:
    return [
        f"{name}:",
        f"  replicas: {pods.replicas}",
        "  resources:",
        f"    requests: {{cpu: {pods.cpu_milli}m, memory: {pods.memory_mib}Mi}}",
        f"    limits: {{memory: {pods.memory_limit_mib}Mi}}",
        "  autoscaling:",
        "    enabled: true",
        f"    minReplicas: {pods.min_replicas}",
        f"    maxReplicas: {pods.max_replicas}",
        f"    targetCPUUtilizationPercentage: {UTILIZATION:.0%}".rstrip("%"),
        f"  databaseConnections: {pods.database_connections}",
        *more,
        "",
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
