"""One process, a server or a service: started on a leash, waited for, stopped in stages, never left behind.

A record of pid and start time beside the data lets the next start recognise what an unclean stop left
running, without ever touching a stranger that got the same pid.

Processes are held by `subprocess.Popen`, not by an event loop, so that one loop may start them and another
stop them.  Start from the main thread: the leash is tied to the thread that forks.
"""

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")
POLL_SECONDS = 0.02
MAX_LOG_BYTES = 8 * 1024 * 1024


class StoreFailed(Exception):
    """An embedded server or a service did not start or died; the message has its last words and where to read on."""


@dataclass(frozen=True)
class Owner:
    """The user a process runs as."""

    uid: int
    gid: int


def current_owner() -> Owner:
    """The user this process runs as."""
    return Owner(os.getuid(), os.getgid())


def leashed(command: Sequence[str], *, when_orphaned: signal.Signals, owner: Owner | None = None) -> list[str]:
    """The command line that runs `command` on a leash held by this process."""
    owner = owner or current_owner()
    settings = [int(when_orphaned), os.getpid(), owner.uid, owner.gid]
    return [sys.executable, "-I", "-S", str(LEASH), *map(str, settings), *command]


class Process:
    """A server that stops by a ladder of signals, from polite to certain.

    It logs to a file; without one it speaks into the pipe `output`, which whoever started it has to read.
    Without a `record` no later start looks for what an unclean stop left: the leash must be enough.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        ladder: Sequence[tuple[signal.Signals, float]],
        record: Path | None = None,
        log: Path | None = None,
        when_orphaned: signal.Signals = signal.SIGTERM,
        owner: Owner | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._record = record
        self._ladder = ladder
        self._when_orphaned = when_orphaned
        self._owner = owner
        self._env = env
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The pid of the running server."""
        return self._started_process.pid

    @property
    def output(self) -> IO[bytes]:
        """What it says, where there is no log."""
        assert self._started_process.stdout is not None, f"{self.name} has a log"
        return self._started_process.stdout

    @property
    def running(self) -> bool:
        """Whether it was started and still runs."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C in a terminal must reach the launcher alone."""
        with ExitStack() as stack:
            log = subprocess.PIPE if self.log is None else stack.enter_context(_appended(self.log))
            self._popen = subprocess.Popen(
                leashed(self._command, when_orphaned=self._when_orphaned, owner=self._owner),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        if self._record is not None:
            self._record.write_text(f"{self.pid} {_started(self.pid)}")

    async def until(self, ready: Callable[[], Awaitable[bool]], *, timeout_seconds: float) -> None:
        """Wait until it answers.

        Raises:
            StoreFailed: it ended instead, or said nothing in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while not await ready():
            if not self.running:
                raise StoreFailed(f"{self.name} stopped while starting: {self.last_words()} (see {self.log})")
            if time.monotonic() > deadline:
                late = f"{self.name} did not answer within {timeout_seconds:g} s"
                raise StoreFailed(f"{late}: {self.last_words()} (see {self.log})")
            await asyncio.sleep(POLL_SECONDS)

    async def ended(self) -> int:
        """Wait for its end, however far that is; its exit status, negative for a signal."""
        await _gone(self._started_process, math.inf)
        return self._started_process.returncode

    async def stop(self) -> bool:
        """Go down the ladder until it is gone; whether that was enough, and it need not be killed. Safe to repeat."""
        if self._popen is None:
            return True
        for step, patience_seconds in self._ladder:
            if self.running:
                self.signal(step)
                await _gone(self._popen, patience_seconds)
        was_enough = not self.running
        if not was_enough:
            self.kill()
        if self._record is not None:
            self._record.unlink(missing_ok=True)
        return was_enough

    def kill(self) -> None:
        """End it the hard way and collect it: what a crash looks like, for tests and last resorts."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.running:
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop its clock, as an overcommitted machine does."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def log_text(self) -> str:
        """All of its log so far."""
        assert self.log is not None, f"{self.name} has no log"
        return self.log.read_text(errors="replace")

    def last_words(self) -> str:
        """The end of its log that says most: the last line that is not empty."""
        lines = [line for line in self.log_text().splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    @property
    def _started_process(self) -> subprocess.Popen[bytes]:
        assert self._popen is not None, f"{self.name} was not started"
        return self._popen


async def end_leftover(record: Path, *, patience_seconds: float = 10.0) -> None:
    """End the process an earlier, unclean stop left behind, if it is still the same one."""
    try:
        pid_text, started = record.read_text().split()
        pid = int(pid_text)
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + patience_seconds
    step = signal.SIGINT
    while started != "unknown" and _started(pid) == started:
        os.kill(pid, step)
        step = signal.SIGKILL if time.monotonic() > deadline else signal.SIGQUIT
        await asyncio.sleep(POLL_SECONDS * 5)
    record.unlink(missing_ok=True)


def _started(pid: int) -> str:
    """When the kernel started a process, in its own ticks; nobody else ever has both pid and this."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "unknown"
    fields = stat.rpartition(")")[2].split()
    return "unknown" if fields[0] == "Z" else fields[19]


def _appended(log: Path) -> IO[bytes]:
    """The log to write on, begun anew when it has become long."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


async def _gone(popen: subprocess.Popen[bytes], patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while popen.poll() is None and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
