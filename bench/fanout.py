"""One message to everybody: deliveries per second of one core, beside a floor in C and beside other servers.

    python -m bench.fanout --subscribers 1000 5000 --bursts 1 4 16 --rounds 3 --servers floor engine picows

A publisher writes a burst of K messages, and the next when all but a window of bursts have arrived everywhere, so the
server is always busy and nothing piles up.  With K = 1 it has one frame at a time for each socket; with more, it may
coalesce, if it can.  The server has a core to itself, the generator has the other, and the rounds are interleaved, for
the machine of one minute is not that of the next: ratios are taken within a round, and the median of them is shown.
With `--by-turns` all servers are up at once, and a round takes as long as it takes to feed each of them.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from statistics import median

import uvloop

from bench.cores import OTHER_CORE, SERVER_CORE, cpu_seconds
from bench.generator import GeneratorFailed, Pumped, Swarm, swarm
from bench.native import NoCompiler
from bench.report import Cell, Report
from bench.servers import Running, Server, Unavailable
from bench.servers.catalogue import chosen
from bench.servers.floor import floor
from bench.servers.server import PAYLOAD, PAYLOAD_BYTES

SERVER_SECONDS = 150.0
"""No server gets longer in a round, however badly it does."""
CONNECTS_PER_SECOND = 2_000.0


@dataclass(frozen=True)
class Sample:
    """One server, one burst size, one round."""

    pumped: Pumped
    cpu: float

    @property
    def rate(self) -> float:
        return self.pumped.deliveries / self.pumped.seconds

    @property
    def busy(self) -> float:
        return self.cpu / self.pumped.seconds

    @property
    def per_cpu(self) -> float:
        return self.pumped.deliveries / self.cpu if self.cpu else float("nan")

    @property
    def generator_busy(self) -> float:
        return self.pumped.generator_cpu / self.pumped.seconds

    @property
    def frame_bytes(self) -> float:
        return self.pumped.bytes / max(1, self.pumped.deliveries)

    @property
    def is_whole(self) -> bool:
        return not (self.pumped.stalled or self.pumped.missing or self.pumped.closed or self.pumped.refused)


Round = dict[str, dict[int, Sample]]
"""By server and burst size."""


@dataclass
class Size:
    """All rounds at one number of subscribers."""

    subscribers: int
    rounds: list[Round] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)


async def measure(server: Server, subscribers: int, asked: argparse.Namespace) -> dict[int, Sample]:
    async with asyncio.timeout(SERVER_SECONDS), server.start(subscribers) as up, swarm() as generator:
        await join(generator, server, up, subscribers)
        return {messages: await pump(generator, server, up, messages, asked) for messages in asked.bursts}


async def join(generator: Swarm, server: Server, up: Running, subscribers: int) -> None:
    """
    Raises:
        Unavailable: somebody could not connect.
    """
    publisher = await generator.connect(f"publisher, {server.name}", up.publisher, up.publisher_ports[:1], 1)
    if not publisher.ready:
        raise Unavailable(f"no publisher: {publisher.trouble}")
    name = f"readers, {server.name}"
    readers = await generator.connect(name, up.readers, up.ports, subscribers, rate=CONNECTS_PER_SECOND)
    if readers.ready < subscribers:
        raise Unavailable(f"only {readers.ready:,} of {subscribers:,} connected: {readers.trouble}")
    await asyncio.sleep(up.settle_seconds)


async def pump(generator: Swarm, server: Server, up: Running, messages: int, asked: argparse.Namespace) -> Sample:
    edges: list[float] = []
    burst = up.burst(messages)
    pumped = await generator.pump(
        f"publisher, {server.name}",
        f"readers, {server.name}",
        burst.text,
        copies=burst.copies,
        messages=messages,
        window=server.window,
        seconds=asked.seconds,
        beat_us=asked.beat,
        on_edge=lambda: edges.append(cpu_seconds(up.pids)),
    )
    return Sample(pumped, edges[-1] - edges[0] if len(edges) > 1 else 0.0)


async def one_round(servers: Sequence[Server], size: Size, asked: argparse.Namespace) -> None:
    results: Round = {}
    size.rounds.append(results)
    queue = [*servers]
    while queue:
        server = queue.pop(0)
        if server.name in size.troubles:
            continue
        try:
            samples = results[server.name] = await measure(server, size.subscribers, asked)
        except (Unavailable, GeneratorFailed, TimeoutError) as error:
            size.troubles[server.name] = str(error) or "took too long"
            continue
        told = ", ".join(f"{k} at once: {sample.rate:,.0f}/s" for k, sample in samples.items())
        print(f"round {len(size.rounds)}, {size.subscribers:,} subscribers, {server.name}: {told}", flush=True)
        extra = round(samples[asked.bursts[0]].frame_bytes) - PAYLOAD_BYTES
        if extra > PAYLOAD_BYTES // 4 and not server.is_floor:
            # Its frames say more than the payload; they are held to a floor that says as much.
            queue.insert(0, floor(PAYLOAD + "." * extra))


async def by_turns(servers: Sequence[Server], size: Size, asked: argparse.Namespace) -> None:
    """All rounds with all servers up at once; one that fails ends them, so take few."""
    async with AsyncExitStack() as stack:
        generator = await stack.enter_async_context(swarm())
        everybody = [(server, await stack.enter_async_context(server.start(size.subscribers))) for server in servers]
        for server, up in everybody:
            await join(generator, server, up, size.subscribers)
        for _ in range(asked.rounds):
            results: Round = {server.name: {} for server in servers}
            for messages in asked.bursts:
                for server, up in random.sample(everybody, len(everybody)):
                    results[server.name][messages] = await pump(generator, server, up, messages, asked)
            size.rounds.append(results)


def rows_of(size: Size, bursts: Sequence[int], names: Sequence[str], remarks: dict[str, str]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for burst in bursts:
        for name in names:
            samples = [(measured[name][burst], measured) for measured in size.rounds if name in measured]
            if not samples:
                reason = size.troubles.get(name, "not measured")
                rows.append([size.subscribers, burst, name, *["–"] * 9, reason])
                continue
            ours = [sample for sample, _ in samples]
            by_wall, by_cpu = [], []
            for sample, measured in samples:
                if base := floor_for(sample, measured, burst):
                    by_wall.append(sample.rate / base.rate)
                    by_cpu.append(sample.per_cpu / base.per_cpu)
            remark = remarks.get(name, "")
            if not all(sample.is_whole for sample in ours):
                worst = next(sample.pumped for sample in ours if not sample.is_whole)
                why = worst.trouble or ("stalled" if worst.stalled else "never stalled")
                remark = f"NOT WHOLE: {worst.missing} missing, {worst.closed} closed, {why}"
            rows.append(
                [
                    size.subscribers,
                    burst,
                    name,
                    round(median(sample.rate for sample in ours)),
                    median(by_wall) if by_wall else "–",
                    median(by_cpu) if by_cpu else "–",
                    f"{min(by_wall):.2f}–{max(by_wall):.2f}" if by_wall else "–",
                    median(sample.busy for sample in ours),
                    median(sample.generator_busy for sample in ours),
                    round(median(sample.frame_bytes for sample in ours)),
                    median(sample.pumped.deliveries / max(1, sample.pumped.writes) for sample in ours),
                    median(sample.pumped.latency.p50_ms for sample in ours),
                    remark,
                ]
            )
    return rows


def floor_for(sample: Sample, measured: Round, burst: int) -> Sample | None:
    """The floor of the same round whose frames are nearest in size."""
    floors = [by_burst[burst] for name, by_burst in measured.items() if name.startswith("floor")]
    return min(floors, key=lambda base: abs(base.frame_bytes - sample.frame_bytes), default=None)


def peers_of_ours(size: Size, bursts: Sequence[int]) -> list[str]:
    """How many times what each peer does we do, of the same rounds; none for one that delivered nothing."""
    notes = []
    for ours in ("causerie engine", "causerie coalescing", "causerie gateway"):
        for burst in bursts:
            told = []
            for name in dict.fromkeys(name for measured in size.rounds for name in measured):
                ratios = [
                    measured[ours][burst].per_cpu / measured[name][burst].per_cpu
                    for measured in size.rounds
                    if ours in measured and name in measured and measured[name][burst].per_cpu
                ]
                if ratios and not name.startswith(("causerie", "floor")):
                    told.append(f"{name} {median(ratios):.2f}")
            if told:
                notes.append(f"{ours} / peer at {size.subscribers:,}, {burst} at once, per CPU s: {', '.join(told)}")
    return notes


async def compare(arguments: argparse.Namespace) -> Report:
    servers = chosen(arguments.servers)
    if arguments.window:
        servers = [replace(server, window=arguments.window) for server in servers]
    sizes = []
    for subscribers in arguments.subscribers:
        size = Size(subscribers)
        sizes.append(size)
        if arguments.by_turns:
            await by_turns(servers, size, arguments)
        else:
            for _ in range(arguments.rounds):
                await one_round(servers, size, arguments)
    rows: list[Sequence[Cell]] = []
    notes: list[str] = []
    remarks = {server.name: server.remark for server in servers}
    for size in sizes:
        measured = [name for results in size.rounds for name in results]
        names = list(dict.fromkeys([*(server.name for server in servers), *measured]))
        rows += rows_of(size, arguments.bursts, names, remarks)
        notes += peers_of_ours(size, arguments.bursts)
    return Report(
        "fanout",
        f"{PAYLOAD_BYTES} bytes to everybody, the server on one core",
        (
            "subscribers",
            "at once",
            "server",
            "deliveries/s",
            "x floor",
            "x floor per CPU s",
            "spread",
            "server busy",
            "generator busy",
            "bytes",
            "frames per write",
            "p50 ms",
            "remark",
        ),
        rows,
        notes=(
            f"medians of {arguments.rounds} interleaved rounds of {arguments.seconds:g} s; "
            f"server on core {SERVER_CORE}, everything else on core {OTHER_CORE}",
            "a floor is of the same round, burst and frame size; `x floor` compares what was delivered in a second, "
            "`per CPU s` what a second of the server's processor delivered, for those that were not kept busy",
            f"readers look for frames every {arguments.beat} µs"
            if arguments.beat
            else "readers are woken when frames come, at the expense of the sender",
            "a generator busy to 1.00 is the limit of its row; frames per write is what the server coalesced",
            *notes,
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="One message to everybody.")
    parser.add_argument("--subscribers", type=int, nargs="+", default=[1_000, 5_000])
    parser.add_argument("--bursts", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--window", type=int, default=0, help="bursts under way; as each server needs by default")
    parser.add_argument(
        "--beat", type=int, default=0, help="microseconds between two looks of a reader; 0: it is woken"
    )
    parser.add_argument("--by-turns", action="store_true", help="all servers up at once; for few of them")
    parser.add_argument("--servers", nargs="*", default=[], help="names, or the beginnings of them; all by default")
    try:
        uvloop.run(compare(parser.parse_args())).publish()
    except (NoCompiler, Unavailable) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
