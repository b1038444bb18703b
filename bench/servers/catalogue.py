"""Everybody who can be measured, the floor first."""

from collections.abc import Sequence

from bench.servers.engine import COALESCING, ENGINE, WITHOUT_C
from bench.servers.floor import floor
from bench.servers.gateway import gateway
from bench.servers.peers import PEERS
from bench.servers.server import Server


def everybody() -> list[Server]:
    return [floor(), ENGINE, WITHOUT_C, COALESCING, gateway(), *PEERS]


def chosen(names: Sequence[str]) -> list[Server]:
    """Those whose name holds one of the words given, and always the floor; everybody without any."""
    servers = everybody()
    if not names:
        return servers
    unknown = [name for name in names if not any(name in server.name for server in servers)]
    if unknown:
        raise SystemExit(f"no server called {', '.join(unknown)}; there are: {', '.join(s.name for s in servers)}")
    return [server for server in servers if server.is_floor or any(name in server.name for name in names)]
