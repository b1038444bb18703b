"""Where a swarm is: in a child of ours, or in a process elsewhere that came to us.

Either way lines of JSON go to it and come from it. Works inside Locust's process, on gevent.
"""

import signal
import socket
import sys
from typing import Protocol

from gevent import subprocess

from causerie.embedded.process import leashed

END_SECONDS = 5.0


class Link(Protocol):
    """The way to one swarm and back."""

    pid: int | None
    """Where it can be weighed with ours."""

    def read(self) -> bytes:
        """The next line; nothing when the swarm has ended."""

    def write(self, line: bytes) -> None:
        """
        Raises:
            OSError: the swarm is gone.
        """

    def end(self) -> None:
        """Let it go; it ends with its input."""

    def last_words(self) -> str:
        """How it ended by itself."""


class Child:
    """On a leash."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            leashed([sys.executable, "-m", "loadtest.swarm"], when_orphaned=signal.SIGKILL),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid: int | None = self._process.pid

    def read(self) -> bytes:
        line: bytes = self._process.stdout.readline()
        return line

    def write(self, line: bytes) -> None:
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def end(self) -> None:
        try:
            self._process.stdin.close()
            self._process.wait(timeout=END_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        return f"ended by itself with status {self._process.wait()}"


class Guest:
    """`python -m loadtest.swarm HOST:PORT` on some machine, once it has been let in."""

    pid: int | None = None

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def read(self) -> bytes:
        try:
            return self._lines.readline()
        except OSError:
            return b""

    def write(self, line: bytes) -> None:
        self._connection.sendall(line)

    def end(self) -> None:
        # Whoever reads is told so, too.
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._connection.close()

    def last_words(self) -> str:
        return "is gone: its connection has ended"
