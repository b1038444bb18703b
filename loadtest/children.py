"""One swarm seen from Locust's process: a child on a leash, commands that wait for their answers without blocking."""

import json
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from gevent import subprocess
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from causerie.embedded.process import leashed
from loadtest.trouble import Trouble

ANSWER_SECONDS = 600.0
END_SECONDS = 5.0

Fields = dict[str, Any]


class Swarm:
    """`on_report` gets each report; `on_death` is told once when it ends by itself."""

    def __init__(
        self,
        place: int,
        begin: Mapping[str, object],
        on_report: Callable[[int, Fields], None],
        on_death: Callable[[str], None],
    ) -> None:
        self.place = place
        self._on_report = on_report
        self._on_death = on_death
        self._answers: dict[int, AsyncResult[Fields]] = {}
        self._last = 0
        self._pen = BoundedSemaphore()
        self._is_ending = False
        self._process = subprocess.Popen(
            leashed([sys.executable, "-m", "loadtest.swarm"], when_orphaned=signal.SIGKILL),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._write(begin)
        self._reading = gevent.spawn(self._read)

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def ask(self, do: str, **arguments: object) -> Fields:
        """Have a command carried out.

        Raises:
            Trouble: it could not be, or the swarm is gone.
        """
        self._last += 1
        result: AsyncResult[Fields] = AsyncResult()
        self._answers[self._last] = result
        self._write({"do": do, "number": self._last, **arguments})
        try:
            answer: Fields = result.get(timeout=ANSWER_SECONDS)
        except gevent.Timeout:
            raise Trouble(f"swarm {self.place} did not {do} within {ANSWER_SECONDS:g} s") from None
        if "trouble" in answer:
            raise Trouble(answer["trouble"])
        return answer

    def end(self) -> None:
        """Let it go; it ends with its input."""
        self._is_ending = True
        try:
            self._process.stdin.close()
            self._process.wait(timeout=END_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reading.join()

    def _write(self, command: Mapping[str, object]) -> None:
        try:
            # A long line may not fit into the pipe at once; nobody may write into the middle of it.
            with self._pen:
                self._process.stdin.write(json.dumps(command).encode() + b"\n")
                self._process.stdin.flush()
        except OSError:
            raise Trouble(f"swarm {self.place} is gone") from None

    def _read(self) -> None:
        while line := self._process.stdout.readline():
            event: Fields = json.loads(line)
            if event["event"] == "report":
                self._on_report(self.place, event)
            elif (answer := self._answers.pop(event["number"], None)) is not None:
                answer.set(event)
        for answer in self._answers.values():
            answer.set({"trouble": f"swarm {self.place} is gone"})
        self._answers.clear()
        if not self._is_ending:
            self._on_death(f"swarm {self.place} ended by itself with status {self._process.wait()}")
