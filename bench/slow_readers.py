"""What stopped readers cost the others, and the gateway: p99 beside the others' own baseline, memory beside its cap.

Twenty groups of twenty sockets are talked to at a steady rate; in each of them one reader lives in another process.
Round by round that process first reads like everybody else, then is stopped (SIGSTOP) until the gateway has sent all
of its sockets away.  The others are measured in both, at the same rate, and compared within each round, because a
machine that others use is never the same for a minute.  Every message is a sample of its own: what one message
suffers all its readers suffer, so readers do not count.  The gateway's CPU time per message stands beside them: it
says what stopped readers cost even where quantiles say what else the machine was doing.
"""

import asyncio
import json
import math
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.raw_socket import RawSocket, connect_all
from bench.report import Report, percentile
from bench.stage import Stage, run, seed_groups
from loadtest.frames import client_frame
from services.gateway.listener import NOT_SENT_BYTES
from services.gateway.sends import MAX_HELD_BYTES
from tests.support.services import Service

GROUPS = 20
READERS = 20
"""Of each group; the last one of them stops."""
PER_SECOND = 200
CONTENT_BYTES = 4_096
ROUNDS = 3
WARM_UP_SECONDS = 3.0
PHASE_SECONDS = 14.0
"""Stopped readers fill their buffers in three or four of them, and are sent away ten later."""
LIMIT_SECONDS = 20.0
TRANSPORT_BYTES = 64 * 1024
"""What the loop's transport takes before it says that it is full."""
CAP_BYTES = MAX_HELD_BYTES + TRANSPORT_BYTES + CONTENT_BYTES
"""What one stopped reader may cost the gateway's memory; the kernel keeps NOT_SENT_BYTES and its send buffer beside."""
COLUMNS = (
    *("round", "messages", "p50 ms", "p99 ms", "p99 of all readers"),
    *("we late, p99", "CPU ms each", "no core, %", "p99 ratio"),
)
_BAR = 1.25
_CALM = 1.5
"""Baselines further apart than that speak of the machine: no verdict."""
_MARK = b'"content":"'


@dataclass(frozen=True)
class Heard:
    """What one phase was like, for the slowest reader of each message and for all."""

    slowest: Sequence[float]
    latencies: Sequence[float]
    lateness: Sequence[float]
    """How late we said what was due: our own fault, or the machine's."""
    cpu_per_message: float
    """Of the gateway, in seconds."""
    waited: float
    """The share of the time for which the gateway could have run and had no core."""

    @property
    def p99(self) -> float:
        return percentile(self.slowest, 0.99)


class Talk:
    """Messages at a steady rate through one author per group, and their arrival at the readers measured."""

    def __init__(self, authors: Sequence[RawSocket], groups: Sequence[str], gateway: psutil.Process) -> None:
        self._gateway = gateway
        self._asks = list(zip(authors, groups, strict=True))
        self._slowest: dict[bytes, float] = defaultdict(float)
        self._latencies: list[float] = []

    def on_text(self, heard_by: RawSocket, text: bytes) -> None:
        place = text.find(_MARK)
        if place >= 0:
            place += len(_MARK)
            said_at = text[place : text.index(b" ", place)]
            latency = time.monotonic() - float(said_at)
            self._latencies.append(latency)
            self._slowest[said_at] = max(self._slowest[said_at], latency)

    async def talk(self, seconds: float) -> Heard:
        loop = asyncio.get_running_loop()
        self._slowest.clear()
        self._latencies = []
        used, waited = self._gateway.cpu_times(), waited_for_a_core(self._gateway)
        began, lateness = loop.time(), []
        for number in range(int(seconds * PER_SECOND)):
            due = began + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            lateness.append(loop.time() - due)
            author, group = self._asks[number % len(self._asks)]
            content = f"{time.monotonic():.6f} " + "x" * CONTENT_BYTES
            asked = {"op": "send", "conversation_id": group, "content": content}
            author.transport.write(client_frame(json.dumps(asked).encode()))
        after = self._gateway.cpu_times()
        return Heard(
            sorted(self._slowest.values()),
            sorted(self._latencies),
            sorted(lateness),
            (after.user + after.system - used.user - used.system) / len(lateness),
            (waited_for_a_core(self._gateway) - waited) / (loop.time() - began),
        )


async def measure(stage: Stage) -> Report:
    worker, gateway = await asyncio.gather(stage.services.start("worker"), stage.services.start("gateway"))
    groups = await seed_groups(stage.stores.database_url, GROUPS, READERS + 1)
    authors = await connect_all(
        ((-1, stage.token(users[-1]), gateway.port) for _, users in groups), lambda heard_by, text: None
    )
    process = psutil.Process(gateway.pid)
    talk = Talk(authors, [str(group) for group, _ in groups], process)
    others = [user for _, users in groups for user in users[: READERS - 1]]
    sockets = await connect_all(
        ((place, stage.token(user), gateway.port) for place, user in enumerate(others)), talk.on_text
    )
    stopping = [stage.token(users[READERS - 1]) for _, users in groups]
    await talk.talk(WARM_UP_SECONDS)

    phases: list[tuple[Heard, Heard]] = []
    memory: list[tuple[float, int, int]] = []
    gone = 0.0
    for turn in range(1, ROUNDS + 1):
        async with readers(gateway.port, stopping) as child:
            # A look at the metrics holds up the loop of who is asked, and so it has to in both halves.
            looking = asyncio.create_task(watch(gateway, process, until_gone=math.inf))
            reading = await talk.talk(PHASE_SECONDS)
            looking.cancel()
            before = process.memory_info().rss
            child.send_signal(signal.SIGSTOP)
            watching = asyncio.create_task(watch(gateway, process, until_gone=turn * GROUPS))
            phases.append((reading, await talk.talk(PHASE_SECONDS)))
            held, peak, gone = await watching
            memory.append((held, before, peak))
    assert worker.running
    assert not any(one.lost for one in (*sockets, *authors)), "somebody who reads was sent away"
    assert gone == ROUNDS * GROUPS, f"only {gone:.0f} were sent away"
    for one in (*sockets, *authors):
        one.transport.abort()
    return Report(
        "slow_readers",
        "what readers who stop cost the others",
        COLUMNS,
        [
            row(f"{turn} {name}", phase, "" if phase is reading else round(stopped.p99 / reading.p99, 2))
            for turn, (reading, stopped) in enumerate(phases, 1)
            for name, phase in (("reading", reading), ("stopped", stopped))
        ],
        notes=(
            f"{GROUPS * READERS} sockets in {GROUPS} groups, {PER_SECOND} messages of {CONTENT_BYTES:,} bytes a "
            f"second; {GROUPS} stop, and all were sent away in every round",
            *told_of_memory(memory),
            verdict(phases),
        ),
    )


def row(name: str, phase: Heard, ratio: str | float) -> tuple[str | float, ...]:
    quantiles = (percentile(phase.slowest, 0.5), phase.p99, percentile(phase.latencies, 0.99))
    seconds = (*quantiles, percentile(phase.lateness, 0.99), phase.cpu_per_message)
    return (name, len(phase.slowest), *(round(1000 * one, 2) for one in seconds), round(100 * phase.waited, 2), ratio)


def told_of_memory(memory: Sequence[tuple[float, int, int]]) -> tuple[str, str]:
    held = max(held for held, _, _ in memory) / GROUPS / 1024
    first = memory[0][1]
    growth = ", ".join(f"{(peak - first) / GROUPS / 1024:,.0f}" for _, _, peak in memory)
    return (
        f"held for a stopped reader at most: {held:,.0f} KiB; capped at {CAP_BYTES // 1024:,} (queue "
        f"{MAX_HELD_BYTES // 1024:,}, transport {TRANSPORT_BYTES // 1024}, a frame); the kernel keeps "
        f"{NOT_SENT_BYTES // 1024} unsent beside",
        f"RSS over that before the first stop, per stopped reader, round by round: {growth} KiB; what was freed is "
        "used again",
    )


def verdict(phases: Sequence[tuple[Heard, Heard]]) -> str:
    """Of the medians over the rounds; none when the rounds' own baselines cannot agree."""
    baselines = [reading.p99 for reading, _ in phases]
    ratio = median(stopped.p99 for _, stopped in phases) / median(baselines)
    cpu = median(one.cpu_per_message for _, one in phases) / median(one.cpu_per_message for one, _ in phases)
    waited = median(one.waited for _, one in phases) / median(one.waited for one, _ in phases)
    if max(baselines) > _CALM * min(baselines):
        judged = f"UNKNOWN, the baselines alone differ {max(baselines) / min(baselines):.1f} times"
    elif not 1 / _BAR <= waited <= _BAR:
        judged = "UNKNOWN, somebody else used the cores in one half and not in the other"
    else:
        judged = f"{'within' if ratio <= _BAR else 'beyond'} the bar of {_BAR}"
    costs = f"the gateway's CPU x {cpu:.2f}, its waits for a core x {waited:.2f}"
    return f"p99 ratio {ratio:.2f} (medians over {len(phases)} rounds): {judged}; {costs}"


def waited_for_a_core(process: psutil.Process) -> float:
    """Seconds the process was ready to run and did not."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9


@asynccontextmanager
async def readers(port: int, tokens: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process whose sockets will stop; `kill -9` ends it also while it is stopped."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stopped_readers", str(port), stdin=pipe, stdout=pipe
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write("\n".join(tokens).encode())
        child.stdin.write_eof()
        assert await asyncio.wait_for(child.stdout.readline(), LIMIT_SECONDS) == b"ready\n"
        yield child
    finally:
        child.kill()
        await child.wait()


async def watch(gateway: Service, process: psutil.Process, *, until_gone: float) -> tuple[float, int, float]:
    """Most bytes held for all of them, the highest RSS, and how many were sent away when they all are."""
    held, peak, gone = 0.0, 0, 0.0
    deadline = time.monotonic() + LIMIT_SECONDS
    while gone < until_gone and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        metrics = await gateway.metrics()
        gone = series(metrics, 'causerie_gateway_closes_total{reason="slow"}')
        held = max(held, series(metrics, "causerie_gateway_send_queue_bytes"))
        peak = max(peak, process.memory_info().rss)
    return held, peak, gone


def series(metrics: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


if __name__ == "__main__":
    run(measure)
