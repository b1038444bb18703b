"""Debian's PgBouncer in transaction mode before a PostgreSQL, with fewer connections than its clients have."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from causerie.embedded import unprivileged
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from tests.support.services import accepts

START_SECONDS = 10.0
SERVER_CONNECTIONS = 4

CONFIG = """\
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
server_login_retry = 0.2
"""


def program() -> str:
    """Where it is; administrators' programs are in no ordinary user's path."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    assert found, "PgBouncer is not installed: apt-get install pgbouncer"
    return found


@contextmanager
def pgbouncer(home: Path, url: str) -> Iterator[str]:
    """The address of the same database by way of the pooler."""
    server, port, owner = urlsplit(url), free_port(), unprivileged.server_owner()
    users, config = home / "pgbouncer.users", home / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password or ""}"\n')
    config.write_text(CONFIG.format(server_port=server.port, port=port, users=users, connections=SERVER_CONNECTIONS))
    process = Process(
        "PgBouncer",
        [program(), str(config)],
        record=home / "pgbouncer.pid",
        log=home / "pgbouncer.log",
        ladder=[(signal.SIGTERM, 1.0)],
        owner=owner,
    )

    process.start()
    asyncio.run(process.until(lambda: accepts(port), timeout_seconds=START_SECONDS))
    try:
        yield urlunsplit(server._replace(netloc=f"{server.username}:{server.password or ''}@127.0.0.1:{port}"))
    finally:
        asyncio.run(process.stop())
