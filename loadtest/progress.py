"""How it goes, in a line: rewritten in place on a terminal, one every few seconds in a log."""

import sys
import time

import gevent
from locust.env import Environment
from locust.stats import StatsEntry

from loadtest.conductor import Conductor

LOG_SECONDS = 5
_CLEAR = "\r\x1b[K"


def tell(conductor: Conductor, environment: Environment) -> None:
    """Until the test is over."""
    is_terminal = sys.stdout.isatty()
    before, number = conductor.delivered, 0
    while not conductor.recorder.is_over:
        gevent.sleep(1)
        number += 1
        if is_terminal or number % LOG_SECONDS == 0:
            seconds = 1 if is_terminal else LOG_SECONDS
            line = _line(conductor, environment, (conductor.delivered - before) / seconds)
            sys.stdout.write(f"{_CLEAR}{line}" if is_terminal else f"{line}\n")
            sys.stdout.flush()
            before = conductor.delivered
    if is_terminal:
        sys.stdout.write("\n")


def summary(conductor: Conductor) -> list[str]:
    """What Locust's tables do not say."""
    counts = conductor.counts
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)
    return [
        f"{conductor.options.connections:,} connections, {conductor.delivered:,} events delivered, "
        f"{'?' if conductor.lost is None else f'{conductor.lost:,}'} lost, {conductor.duplicates:,} twice",
        *([f"also: {told}"] if told else []),
    ]


def _line(conductor: Conductor, environment: Environment, delivered_per_second: float) -> str:
    stage = conductor.stage
    if conductor.absent:
        return f"waiting for {conductor.absent} of {conductor.options.swarms} swarms"
    if not conductor.is_ready:
        return f"opening conversations: {conductor.to_open:,} left"
    left = max(0.0, conductor.timeline.remaining(time.monotonic()))
    name = "settling" if stage is None else f"{stage.name} {'≤' if stage.gathers else ''}{left:.0f} s"
    stats = environment.stats
    parts = [
        f"{conductor.options.scenario}: {name}",
        f"{conductor.present:,}/{conductor.options.connections:,} connected",
    ]
    for short, entry_name in (
        ("connect", "connect"),
        ("ack", "send→ack"),
        ("delivered", "send→delivered"),
        ("resume", "resume"),
    ):
        entry = stats.entries.get((entry_name, "WS"))
        if entry is not None and entry.response_times:
            parts.append(f"{short} p99 {_p99(entry):.0f} ms")
    parts += [f"{delivered_per_second:,.0f} deliveries/s", f"{stats.total.num_failures:,} errors"]
    return " | ".join(parts)


def _p99(entry: StatsEntry) -> float:
    """Of the last ten seconds; of all, as long as Locust has not kept so many."""
    return entry.get_current_response_time_percentile(0.99) or entry.get_response_time_percentile(0.99)
