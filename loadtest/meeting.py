"""Swarms from elsewhere come to the one Locust that drives them, at one port.

Both sides show that they hold the platform's secret, and neither says it: a swarm signs tokens for whoever it is told
to, and a report of a stranger would be no report. While they are at it the swarm learns what time it is here, because
a message may be sent by one and received by another.
"""

import hmac
import json
import secrets
import socket
import time
from types import TracebackType
from typing import Any, Self

import gevent
from gevent.queue import Empty, Queue

from loadtest.handshake import ROUNDS, proof
from loadtest.links import Guest
from loadtest.trouble import Trouble

HELLO_SECONDS = 10.0
MAX_HELLO_BYTES = 1_000


class Meeting:
    """The port, as long as swarms are waited for."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        """
        Raises:
            Trouble: nobody can come there.
        """
        self._secret = secret
        self._come: Queue[Guest] = Queue()
        is_any = not host
        try:
            self._door = (
                socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
                if is_any and socket.has_dualstack_ipv6()
                else socket.create_server((host, port))
            )
        except OSError as error:
            raise Trouble(f"no swarm can come to {host}:{port}: {error}") from None
        self._opening = gevent.spawn(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opening.kill()
        self._door.close()

    def next(self, *, patience_seconds: float) -> Guest:
        """The next swarm.

        Raises:
            Trouble: none has come in time.
        """
        try:
            guest: Guest = self._come.get(timeout=patience_seconds)
        except Empty:
            raise Trouble(f"no other swarm has come within {patience_seconds:g} s") from None
        return guest

    def _open(self) -> None:
        while True:
            connection, _ = self._door.accept()
            gevent.spawn(self._greet, connection)

    def _greet(self, connection: socket.socket) -> None:
        """Let a swarm in; whoever else it is may go."""
        connection.settimeout(HELLO_SECONDS)
        try:
            with connection.makefile("rwb") as lines:
                if not _is_known(lines, self._secret):
                    connection.close()
                    return
        except (OSError, ValueError, KeyError, TypeError):
            connection.close()
            return
        connection.settimeout(None)
        self._come.put(Guest(connection))


def _is_known(lines: Any, secret: str) -> bool:
    """Whether a swarm of ours is at the other end; then it also knows what time it is."""

    def hear() -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(lines.readline(MAX_HELLO_BYTES))
        return heard

    def say(**fields: object) -> None:
        lines.write(json.dumps(fields).encode() + b"\n")
        lines.flush()

    theirs, ours = str(hear()["nonce"]), secrets.token_hex(16)
    say(nonce=ours, proof=proof(secret, "conductor", theirs, ours))
    if not hmac.compare_digest(str(hear()["proof"]), proof(secret, "swarm", theirs, ours)):
        return False
    for _ in range(ROUNDS):
        hear()
        say(now=time.time_ns())
    return True
