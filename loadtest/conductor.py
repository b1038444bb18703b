"""Drives the swarms through a scenario; Locust's users, shape and events all lead here.

Works inside Locust's process, on gevent: whatever waits here lets the others go on.
"""

import socket
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from locust.env import Environment

from loadtest import merging
from loadtest.cast import Circle
from loadtest.children import Swarm
from loadtest.links import Child, Link
from loadtest.meeting import Meeting
from loadtest.options import Options
from loadtest.record import Recorder
from loadtest.scenarios import Stage
from loadtest.thresholds import Outcome
from loadtest.timeline import Timeline
from loadtest.trouble import Trouble

SETTLE_SECONDS = 20.0
MEET_SECONDS = 600.0
AT_ONCE_RATE = 10_000.0
SOURCES_EACH = 4
OPENED_AT_ONCE = 200
"""Conversations between two words of how it goes."""


class Conductor:
    """One load test from the first swarm to the last number."""

    def __init__(self, options: Options, environment: Environment) -> None:
        self.options = options
        self._environment = environment
        self._crowd = options.crowd
        self.timeline = Timeline(
            options.plot.stages,
            stretch=options.stretch,
            ramp_seconds=options.connections / options.arrivals,
        )
        self.stage: Stage | None = None
        self.is_ready = False
        self.to_open = 0
        self.lost: int | None = None
        self.duplicates = 0
        self.counts: Counter[str] = Counter()
        self.troubles: list[str] = []
        self._reports: dict[int, dict[str, Any]] = {}
        self._boarded: dict[int, Swarm] = {}
        self._free = list(range(self._crowd.batches))[::-1]
        self._told: dict[int, dict[str, float]] = {}
        self._is_settled = False
        addresses = options.addresses()
        is_local = all(host.startswith("127.") or host == "localhost" for host, _ in addresses)
        self._begin = {
            "gateways": [(_resolved(host), port) for host, port in addresses],
            "apis": options.apis,
            "run": options.run,
            "dialect": options.dialect,
        }
        self._is_local = is_local
        self._swarms: list[Swarm] = []
        if options.meet is None:
            for _ in range(options.swarms):
                self._take(Child(), secret=options.secret)
        self.recorder = Recorder(options, [swarm.pid for swarm in self._swarms if swarm.pid is not None])
        self._circles: dict[int, list[tuple[str, str, list[int], float]]] = {}
        """Of each batch: kind, id, members and weight."""
        self._channels = 0
        self._follows: dict[int, list[str]] = {}

    @property
    def present(self) -> int:
        return sum(report["present"] for report in self._reports.values())

    @property
    def delivered(self) -> int:
        return sum(report["delivered"] for report in self._reports.values())

    @property
    def wanted(self) -> int:
        """How many should be there now."""
        share = self.stage.present if self.stage is not None else 0.0
        return min(self.options.connections, self.users(share) * self.options.batch)

    @property
    def absent(self) -> int:
        """Swarms that have not come yet."""
        return self.options.swarms - len(self._swarms)

    def users(self, share: float) -> int:
        """Batches for a share of all people."""
        return round(self._crowd.batches * share) if share in (0.0, 1.0) else max(1, round(self._crowd.batches * share))

    def prepare(self) -> None:
        """Wait for swarms from elsewhere and open the conversations, before anything is measured.

        Raises:
            Trouble: they did not come, or the platform did not do it.
        """
        if self.options.meet is not None:
            with Meeting(*self.options.meet, self.options.secret) as meeting:
                while self.absent:
                    # One from elsewhere holds the secret itself.
                    self._take(meeting.next(patience_seconds=MEET_SECONDS))
        circles = self._crowd.circles()
        self.to_open = len(circles)
        for start in range(0, len(circles), OPENED_AT_ONCE):
            some = circles[start : start + OPENED_AT_ONCE]
            ids = self._swarms[0].ask("found", circles=[(one.kind, one.members) for one in some])["ids"]
            self._opened(some, ids)
            self.to_open -= len(some)
        self.is_ready = True

    def _take(self, link: Link, **secret: str) -> None:
        place = len(self._swarms)
        sources = [f"127.0.{place}.{n}" for n in range(2, 2 + SOURCES_EACH)] if self._is_local else []
        begin = {**self._begin, **secret, "sources": sources}
        self._swarms.append(Swarm(place, link, begin, self._on_report, self._on_death))

    def _opened(self, circles: Sequence[Circle], ids: Sequence[str]) -> None:
        for one, name in zip(circles, ids, strict=True):
            weight = 1.0
            if one.kind == "channel":
                self._channels += 1
                weight = 1.0 / self._channels**self._crowd.exponent
                for person in one.members:
                    self._follows.setdefault(person, []).append(name)
            for batch, members in groupby(one.members, lambda member: member // self.options.batch):
                self._circles.setdefault(batch, []).append((one.kind, name, list(members), weight))

    def tick(self, now: float) -> tuple[int, float] | None:
        """Where the scenario stands: how many users, and how many of them a second; None when it is over."""
        if self.troubles:
            return None
        if not self.is_ready:
            return 0, 1.0
        gathered = self.stage is not None and self.present >= self.wanted and not self._is_boarding
        stage = self.timeline.look(now, gathered=gathered)
        if stage is not self.stage:
            self._enter(stage)
        if stage is None:
            return None
        self._talk(stage)
        rate = AT_ONCE_RATE if stage.at_once else self.options.arrivals
        return self.users(stage.present), min(100.0, max(0.1, rate / self.options.batch))

    def board(self) -> int:
        """A Locust user begins: the number of its batch."""
        number = self._free.pop()
        self._boarded[number] = self._swarms[number % len(self._swarms)]
        return number

    def open(self, number: int) -> None:
        """Let the people of a batch come in, and wait until they are there.

        Raises:
            Trouble: the swarm is gone.
        """
        people = list(self._crowd.of_batch(number))
        rate = AT_ONCE_RATE if self.stage is not None and self.stage.at_once else self.options.arrivals
        self._boarded[number].ask(
            "open",
            batch=number,
            people=people,
            circles=self._circles.get(number, []),
            channels=[self._follows.get(person, []) for person in people],
            rate=rate,
            watched=self.options.plot.watched,
        )

    def leave(self, number: int) -> None:
        """A Locust user ends, and its people with it."""
        swarm = self._boarded.pop(number, None)
        if swarm is not None:
            self._free.append(number)
            try:
                swarm.ask("leave", batch=number)
            except Trouble as trouble:
                self._give_up(str(trouble))

    def settle(self) -> None:
        """Stop talking, let everything arrive, and count what did not; once, before anybody leaves."""
        if self._is_settled or not self.is_ready:
            return
        self._is_settled = True
        try:
            heads: dict[str, int] = {}
            for swarm in self._swarms:
                swarm.ask("talk", rates={})
            for swarm in self._swarms:
                for name, seq in swarm.ask("heads")["heads"].items():
                    heads[name] = max(seq, heads.get(name, 0))
            answers = [swarm.ask("settle", heads=heads, patience_seconds=SETTLE_SECONDS) for swarm in self._swarms]
            self.lost = sum(answer["lost"] for answer in answers)
            self.duplicates = sum(answer["duplicates"] for answer in answers)
        except Trouble as trouble:
            self._give_up(str(trouble))

    def end(self) -> None:
        """All swarms go, with all connections that are left."""
        self.recorder.stop()
        for swarm in self._swarms:
            swarm.end()

    def outcome(self) -> Outcome:
        """What the thresholds are held against."""
        stats = self._environment.stats
        measured = {name: entry for (name, _), entry in stats.entries.items() if entry.response_times}
        return Outcome(
            {name: entry.get_response_time_percentile(0.99) for name, entry in measured.items()},
            stats.total.num_requests,
            stats.total.num_failures,
            self.lost,
            tuple(self.timeline.late),
            tuple(self.troubles),
        )

    @property
    def _is_boarding(self) -> bool:
        return len(self._boarded) < self.users(self.stage.present if self.stage else 0.0)

    def _enter(self, stage: Stage | None) -> None:
        self.stage = stage
        self.recorder.enter("" if stage is None else stage.name)
        if stage is not None and stage.cut:
            for swarm in self._swarms:
                cut = swarm.ask("cut", share=stage.cut, window_seconds=self.options.return_window)
                self.counts["cut"] += cut["cut"]
                # Who was cut is not there any more, whatever the last report said.
                self._reports[swarm.place]["present"] -= cut["cut"]

    def _talk(self, stage: Stage) -> None:
        """Tell each swarm its part of the rates, by how many it holds."""
        for swarm in self._swarms:
            present = self._reports.get(swarm.place, {}).get("present", 0)
            rates = {
                kind: getattr(stage, kind) * self.options.talk * present / 1000
                for kind in ("direct", "group", "channel", "history", "presence")
            }
            if self._told.get(swarm.place) != rates:
                self._told[swarm.place] = rates
                swarm.ask("talk", rates=rates)

    def _on_report(self, place: int, report: dict[str, Any]) -> None:
        self._reports[place] = report
        self.counts.update(report["counts"])
        merging.merge(self._environment.stats, report)
        self.recorder.report(place, report, "" if self.stage is None else self.stage.name)

    def _on_death(self, why: str) -> None:
        self._give_up(why)

    def _give_up(self, why: str) -> None:
        """The next tick ends the test."""
        if why not in self.troubles:
            self.troubles.append(why)


def _resolved(host: str) -> str:
    """
    Raises:
        Trouble: nobody knows it.
    """
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise Trouble(f"{host} cannot be found: {error}") from None


def now() -> float:
    """The clock of the timeline."""
    return time.monotonic()
