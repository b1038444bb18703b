"""A thousand sends a second in groups of five over two gateways: how long until the ack, how long until delivery.

Every send goes from one session to its group, whose members sit on both gateways by turns.  The clock is the
generator's own: an ack ends when its frame is read here, a delivery when it is read on another member's socket.
Sends leave on a fixed schedule, whether or not earlier ones were answered, so a stall shows in every send it delays.
"""

import asyncio
import gc
import time
from array import array
from collections.abc import Sequence

import psutil

from bench.raw_socket import RawSocket, connect_all
from bench.report import Report, percentile
from bench.stage import PROSE, Stage, run, seed_groups
from loadtest.frames import client_frame

RATE = 1_000
GROUPS = 200
MEMBERS = 5
GATEWAYS = 2
WARM_UP_SECONDS = 5
SECONDS = 8
"""Of each round; they follow one another without a pause."""
ROUNDS = 3
GRACE_SECONDS = 3.0
TICK_SECONDS = 0.001
"""uvloop counts in milliseconds; less would be a loop that never sleeps."""
_MARK = b'"content":"#'
_DIGITS = 7


class Generator:
    """Sends by the clock and times what comes back; send number n is written into its text and its client's id."""

    def __init__(self, total: int, rounds: Sequence[range]) -> None:
        """Those of no round are not measured."""
        self.rounds = rounds
        self.sent_at = array("d", bytes(8 * total))
        self.acked = array("d", bytes(8 * total))
        self.delivered: list[list[float]] = [[] for _ in rounds]
        self.delivered_count = array("B", bytes(total))
        self.author = array("i", bytes(4 * total))
        self.refused = 0
        self.lateness: list[float] = []

    def on_text(self, socket: RawSocket, text: bytes) -> None:
        now = time.perf_counter()
        if text.startswith(b'{"id":'):
            number = int(text[6 : text.index(b",", 6)])
            if text.find(b'"ok":true', 6, 40) < 0:
                self.refused += 1
            else:
                self.acked[number] = now
            return
        place = text.find(_MARK)
        if place < 0:
            return
        place += len(_MARK)
        number = int(text[place : place + _DIGITS])
        if self.author[number] == socket.index:
            return
        self.delivered_count[number] += 1
        for measured, delivered in zip(self.rounds, self.delivered, strict=True):
            if number in measured:
                delivered.append(now - self.sent_at[number])

    async def send(self, sockets: list[RawSocket], frames: list[bytes], total: int) -> None:
        began = time.perf_counter()
        number = 0
        while number < total:
            due = min(total, int((time.perf_counter() - began) * RATE) + 1)
            while number < due:
                place = number % len(sockets)
                socket = sockets[place]
                self.author[number] = socket.index
                now = self.sent_at[number] = time.perf_counter()
                self.lateness.append(now - began - number / RATE)
                socket.transport.write(frames[place] % (number, number, number))
                number += 1
            await asyncio.sleep(TICK_SECONDS)


def send_frame(conversation_id: str) -> bytes:
    """A whole frame with three places for a number of seven characters: the id, the key and the text."""
    text = PROSE[: 200 - _DIGITS - 1]
    payload = (
        f'{{"id":%7d,"op":"send","conversation_id":"{conversation_id}","client_id":"e2e-%07d","content":"#%07d{text}"}}'
    ).encode()
    assert payload.count(b"%") == 3
    framed = client_frame(payload % (0, 0, 0))
    return framed[: len(framed) - len(payload % (0, 0, 0))].replace(b"%", b"%%") + payload


async def measure(platform: Stage) -> Report:
    first = RATE * WARM_UP_SECONDS
    rounds = [
        range(start, start + RATE * SECONDS) for start in range(first, first + RATE * SECONDS * ROUNDS, RATE * SECONDS)
    ]
    total = rounds[-1].stop
    groups = await seed_groups(platform.stores.database_url, GROUPS, MEMBERS)
    gateways = [await platform.services.start("gateway") for _ in range(GATEWAYS)]
    worker = await platform.services.start("worker")
    generator = Generator(total, rounds)
    sessions = [
        (group * MEMBERS + place, platform.token(user), gateways[place % GATEWAYS].port)
        for group, (_, users) in enumerate(groups)
        for place, user in enumerate(users)
    ]
    sockets = await connect_all(sessions, generator.on_text)
    # Authors rotate through all members of all groups, one group after another.
    order = [group * MEMBERS + place for place in range(MEMBERS) for group in range(GROUPS)]
    authors = [sockets[index] for index in order]
    frames = [send_frame(str(groups[index // MEMBERS][0])) for index in order]
    services = {"gateways": [gateway.pid for gateway in gateways], "worker": [worker.pid]}
    gc.freeze()
    before = cpu_seconds(services)
    began = time.perf_counter()
    await generator.send(authors, frames, total)
    await asyncio.sleep(GRACE_SECONDS)
    elapsed = time.perf_counter() - began
    used = {name: (seconds - before[name]) / elapsed for name, seconds in cpu_seconds(services).items()}
    lost = sum(socket.lost for socket in sockets)
    for socket in sockets:
        socket.transport.abort()

    rows = []
    for measured, delivered in zip(rounds, generator.delivered, strict=True):
        acks = [generator.acked[n] - generator.sent_at[n] for n in measured if generator.acked[n]]
        rows.append(_row("send -> ack", acks, len(measured)))
        rows.append(_row("send -> delivered to another member", delivered, len(measured) * (MEMBERS - 1)))
    late = sorted(generator.lateness[first:])
    shares = ", ".join(f"{name} {share:.2f}" for name, share in used.items())
    return Report(
        "e2e",
        f"{RATE:,} sends/s in {GROUPS} groups of {MEMBERS} over {GATEWAYS} gateways, one worker, all on this machine",
        ("what", "p50 ms", "p99 ms", "max ms", "seen", "expected"),
        rows,
        notes=(
            f"budget: ack p50 <= 8, p99 <= 40 ms; delivered p50 <= 15, p99 <= 60 ms; {ROUNDS} rounds of {SECONDS} s, "
            "of which the median counts",
            f"the generator was {1000 * percentile(late, 0.5):.2f} ms late at p50, "
            f"{1000 * percentile(late, 0.99):.2f} ms at p99; {generator.refused} refused, {lost} sockets lost",
            f"cores used: {shares}",
        ),
    )


def _row(what: str, unsorted: Sequence[float], expected: int) -> tuple[str, float, float, float, int, int]:
    values = sorted(unsorted)
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    return what, 1000 * p50, 1000 * p99, 1000 * (values[-1] if values else float("nan")), len(values), expected


def cpu_seconds(services: dict[str, list[int]]) -> dict[str, float]:
    """What each part has used so far. PostgreSQL is many processes, and opens more of them as it is asked more."""
    used = dict.fromkeys([*services, "generator", "postgres", "redis and nats"], 0.0)
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        try:
            times, name = process.cpu_times(), process.name()
        except psutil.NoSuchProcess:
            continue
        part = next((part for part, pids in services.items() if process.pid in pids), None)
        if part is None:
            part = "generator" if process == own else "postgres" if "postgres" in name else "redis and nats"
        used[part] += times.user + times.system
    return used


if __name__ == "__main__":
    run(measure)
