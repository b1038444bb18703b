"""What `causerie run` is about to start: how many of each service, where they listen, with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from causerie.cli.outcome import Failed
from causerie.embedded.ports import Ports, is_free
from causerie.settings import DEFAULT_HEALTH_PORTS, ServiceName

DEFAULT_DIRECTORY = Path(".data")
SERVICES: tuple[ServiceName, ...] = ("worker", "api", "gateway")
DRAIN_SECONDS = 3
MAX_CONNECTIONS = 10_000
"""A gateway's own default is for a pod, which may open more files than a process on one's own machine."""


@dataclass(frozen=True)
class Plan:
    """What was asked for on the command line."""

    counts: Mapping[str, int]
    first_ports: Mapping[str, int]
    host: str
    directory: Path
    demo: bool


@dataclass(frozen=True)
class Instance:
    """One service to run: `gateway-2` and its ports."""

    name: str
    service: ServiceName
    port: int
    health_port: int


def place(plan: Plan, ports: Ports) -> list[Instance]:
    """Give every instance its ports: the first of a kind the documented ones, the others what is free.

    Raises:
        Failed: somebody else listens on a port that was asked for.
    """
    instances = []
    for service in SERVICES:
        for number in range(1, plan.counts[service] + 1):
            port, health_port = _port(plan, ports, service, number), _health(ports, service, number)
            instances.append(Instance(f"{service}-{number}", service, port, health_port))
    return instances


def shared_environment(plan: Plan, instances: list[Instance]) -> dict[str, str]:
    """The settings of all instances that the operator's own environment may replace."""
    pages = [
        f"http://{host}:{instance.port}"
        for instance in instances
        if instance.service == "api"
        for host in dict.fromkeys(("localhost", "127.0.0.1", shown(plan.host)))
    ]
    settings = {
        "CAUSERIE_HOST": plan.host,
        "CAUSERIE_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "CAUSERIE_MAX_CONNECTIONS": str(MAX_CONNECTIONS),
        # The demo page comes from the API and talks to the gateway: another port, so another origin.
        "CAUSERIE_ALLOWED_ORIGINS": ",".join(pages),
    }
    if plan.demo:
        settings["CAUSERIE_DEMO"] = "1"
    gateway = next((instance for instance in instances if instance.service == "gateway"), None)
    if gateway is not None:
        settings["CAUSERIE_GATEWAY_URL"] = f"ws://{shown(plan.host)}:{gateway.port}/ws"
    return settings


def shown(host: str) -> str:
    """The host as a person on this machine would type it."""
    return "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach it."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _port(plan: Plan, ports: Ports, service: ServiceName, number: int) -> int:
    if service == "worker":
        return 0
    if number > 1:
        return ports.of(f"{service}-{number}")
    port = plan.first_ports[service]
    if not is_free(port, host=plan.host):
        raise Failed(f"port {port} is taken by another program; stop that or choose one with --port-{service}")
    return port


def _health(ports: Ports, service: ServiceName, number: int) -> int:
    usual = DEFAULT_HEALTH_PORTS[service]
    return usual if number == 1 and is_free(usual) else ports.of(f"{service}-{number}-health")
