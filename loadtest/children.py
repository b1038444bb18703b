"""One swarm seen from Locust's process: commands that wait for their answers without blocking."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from loadtest.links import Link
from loadtest.trouble import Trouble

ANSWER_SECONDS = 600.0

Fields = dict[str, Any]


class Swarm:
    """`on_report` gets each report; `on_death` is told once when it ends by itself."""

    def __init__(
        self,
        place: int,
        link: Link,
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
        self._link = link
        self._write(begin)
        self._reading = gevent.spawn(self._read)

    @property
    def pid(self) -> int | None:
        """Where it can be weighed, when it is on this machine."""
        return self._link.pid

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
        """Let it go."""
        self._is_ending = True
        self._link.end()
        self._reading.join()

    def _write(self, command: Mapping[str, object]) -> None:
        try:
            # A long line may not fit into the pipe at once; nobody may write into the middle of it.
            with self._pen:
                self._link.write(json.dumps(command).encode() + b"\n")
        except OSError:
            raise Trouble(f"swarm {self.place} is gone") from None

    def _read(self) -> None:
        while line := self._link.read():
            event: Fields = json.loads(line)
            if event["event"] == "report":
                self._on_report(self.place, event)
            elif (answer := self._answers.pop(event["number"], None)) is not None:
                answer.set(event)
        for answer in self._answers.values():
            answer.set({"trouble": f"swarm {self.place} is gone"})
        self._answers.clear()
        if not self._is_ending:
            self._on_death(f"swarm {self.place} {self._link.last_words()}")
