"""`docs/performance.md` and its pictures, made from the results in `bench/results`: `python -m bench.performance`.

A page that is generated cannot say what was not measured; a test holds it equal to what this makes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.budgets import (
    BUDGETS,
    FLATNESS,
    KEPT,
    OVER_CONNECTIONS,
    OVER_CONVERSATIONS,
    PER_CPU,
    page_table,
)
from bench.plot import Bar, bars, lines
from bench.records import Flat, Record, Records, read
from bench.report import ROOT, describe, shown, table

DOCS = ROOT / "docs"
FOLDER = "performance"
IDLE_BUDGET = (8.0, "budget 8 KiB")
FAN_OUT_BUDGET = {(1_000, 1): (0.85, "budget 0.85"), (5_000, 1): (0.75, "budget 0.75")}

Pictures = Mapping[str, str]
"""SVG by the name of its file."""


def fan_out(records: Records) -> Pictures:
    """Everybody beside the floor: with one frame at a time, and with the most at once."""
    record = records["fanout"]
    sizes = sorted({(int(row["subscribers"]), int(row["at once"])) for row in record.select()})
    pictures = {}
    for subscribers, at_once in sizes:
        if at_once not in (1, max(burst for _, burst in sizes)):
            continue
        drawn = [
            _bar(str(row["server"]), float(row[PER_CPU]), float(row["frames per write"]))
            for row in record.select(subscribers=subscribers, at_once=at_once)
            if not isinstance(row[PER_CPU], str)
        ]
        pictures[f"fanout-{subscribers}-{at_once}.svg"] = bars(
            f"One message to {subscribers:,} readers, {at_once} at once",
            "deliveries per second of the server's processor, as a share of the floor's",
            sorted(drawn, key=lambda bar: -bar.value),
            bound=FAN_OUT_BUDGET.get((subscribers, at_once)),
        )
    return pictures


def _bar(server: str, value: float, frames_per_write: float) -> Bar:
    color = "blue" if server.startswith("causerie") else "green" if server.startswith("floor") else "grey"
    coalesced = f", {frames_per_write:.0f} frames a write" if frames_per_write >= 1.5 else ""
    return Bar(server, value, shown(value) + coalesced, color)


def idle_memory(records: Records) -> Pictures:
    """What a connection costs the gateway and the kernel, however many there are."""
    rows = records["idle_memory"].select()
    ours = [(float(row["connections"]), float(row["gateway KiB (RSS)"])) for row in rows]
    kernels = [(float(row["connections"]), float(row["kernel KiB (one end)"])) for row in rows]
    if "hundred_thousand" in records:
        weighed = [row for row in records["hundred_thousand"].select() if not isinstance(row["KiB RSS"], str)]
        ours += [(float(row["connections"]), float(row["KiB RSS"])) for row in weighed[-1:]]
        kernels += [(float(row["connections"]), float(row["KiB kernel"])) for row in weighed[-1:]]
    # Of few connections the kernel's is less than what else it frees meanwhile.
    shown_kernels = [(size, kib) for size, kib in kernels if kib >= 0]
    curves = {"the gateway's resident memory": ours, "the kernel's, of one end": shown_kernels}
    picture = lines("Memory of an idle connection", "connections", "KiB each", curves, bound=IDLE_BUDGET)
    return {"idle_memory.svg": picture}


def over_connections(records: Records) -> Pictures:
    """What a delivery costs beside the floor, from few connections to all."""
    title = "Cost of a delivery, beside the floor's at the same size"
    return _flat(OVER_CONNECTIONS, records, title, "times the floor's", "gateways")


def over_conversations(records: Records) -> Pictures:
    """What a delivery costs when the same messages go to ever more conversations."""
    title = "Cost of a delivery, the same sends to more conversations"
    return _flat(OVER_CONVERSATIONS, records, title, "times their middle", "gateways and worker")


def _flat(budget: Flat, records: Records, title: str, up: str, whose: str) -> Pictures:
    """Green is where it should stay."""
    curve = budget.curve(records)
    middle = median(value for _, value in curve)
    band = middle * (1 - FLATNESS), middle * (1 + FLATNESS)
    about = f"processor time, {up}; green: {FLATNESS:.0%} about the middle"
    return {f"{budget.benchmark}.svg": lines(title, budget.over, about, {whose: curve}, band=band)}


@dataclass(frozen=True)
class Section:
    """One part of the page: a result by its name, and what is drawn from it."""

    title: str
    about: str
    benchmark: str
    draw: Callable[[Records], Pictures] = lambda records: {}

    def text(self, records: Records) -> str:
        record = records.get(self.benchmark)
        if record is None:
            return f"## {self.title}\n\nNot measured yet: `python -m bench {self.benchmark}`."
        pictures = [f"![{self.title}]({FOLDER}/{name})" for name in self.draw(records)]
        notes = "\n".join(f"- {note}" for note in record.notes)
        body = [f"## {self.title}", self.about, *pictures, table(record.columns, record.rows), notes, _made(record)]
        return "\n\n".join(part for part in body if part)


SECTIONS = (
    Section(
        "Fan-out",
        "One message to everybody, beside a server in C that does nothing else (the floor) and beside other servers. "
        "`causerie engine` is the gateway without its stores; `causerie gateway` is all of it, with PostgreSQL, NATS "
        "and the worker on the other core.",
        "fanout",
        fan_out,
    ),
    Section("Memory of a connection", "Authenticated, idle, each somebody else's.", "idle_memory", idle_memory),
    Section("Connections, and a storm of them", "They stay, they leave, they come all at once.", "connections"),
    Section("Sends and deliveries", "A thousand sends a second, from the client's write to the others' read.", "e2e"),
    Section(
        "100,000 connections",
        "Six gateways; every client has a token of his own, follows one channel and answers heartbeats. Beside them, "
        "by turns, six floors with as many connections.",
        "hundred_thousand",
    ),
    Section(
        "Ever more listeners",
        "A broadcast of six gateways, then one of six floors with as many connections, and so on.",
        "audience",
        over_connections,
    ),
    Section("The whole pipeline", "As many sends as it takes, one recipient each, for a minute.", "pipeline"),
    Section("One channel, end to end", "From a member's frame to every subscriber's socket.", "channel"),
    Section("A channel of 50,000", "The same, over four gateways.", "channel_50000"),
    Section("Everything at once", "Pairs, groups, a channel and those who come and go; then each alone.", "mixed"),
    Section(
        "Ever more conversations",
        "The same people send the same number of messages to ten conversations, or to ten thousand.",
        "flatness",
        over_conversations,
    ),
    Section("Everybody comes back", "10,000 connections are reset in one moment.", "reconnect"),
    Section("Posts in the store", "The write path alone, beside plain inserts.", "store_posts"),
    Section("History", "A page of fifty at the API.", "history"),
    Section("Cached history", "What Redis keeps of a conversation.", "cache_bytes"),
    Section("The engine by itself", "Without a generator between: processor seconds of one process.", "gateway_memory"),
    Section("Slow readers", "What readers who stopped cost the others.", "slow_readers"),
)

_HEAD = """# Performance

Made by `python -m bench.performance` from `bench/results`; a test fails when it was changed by hand.

Each result was measured by the command below it, at the commit below it, on that machine; a load average before of
more than a few tenths means that something else ran too.  Only results of a commit without changes are kept
(`python -m bench.keep NAME`).

**Ratios travel, figures do not**: what is divided by a floor or stands beside a peer was measured in the same rounds,
the server bound to one core and the generator to another.
[bench/README.md](../bench/README.md) says how to read each table and how to make it."""


def page(records: Records) -> str:
    """`docs/performance.md`."""
    budgets = [f"### {title}\n\n{page_table(records, lines)}" for title, lines in BUDGETS.items()]
    sections = [section.text(records) for section in SECTIONS]
    return "\n\n".join([_HEAD, "## Budgets", *budgets, *sections]) + "\n"


def pictures(records: Records) -> Pictures:
    """All of them, by the name of the file."""
    drawn: dict[str, str] = {}
    for section in SECTIONS:
        if section.benchmark in records:
            drawn |= section.draw(records)
    return drawn


def _made(record: Record) -> str:
    command = f"`{record.command}`, " if record.command else ""
    return (
        f"{command}commit {record.commit}, {record.at[:10]}, {describe(record.machine)}, "
        f"load average before: {record.load_before:.2f}."
    )


def files(records: Records) -> dict[Path, str]:
    """What stands where below `docs`."""
    drawn = {Path(FOLDER) / name: picture for name, picture in pictures(records).items()}
    return {Path("performance.md"): page(records), **drawn}


def write(records: Records, docs: Path) -> Sequence[Path]:
    """Write the page and its pictures, and remove those it no longer has."""
    made = files(records)
    (docs / FOLDER).mkdir(exist_ok=True)
    for path in (docs / FOLDER).glob("*.svg"):
        if path.relative_to(docs) not in made:
            path.unlink()
    for name, text in made.items():
        (docs / name).write_text(text)
    return [*made]


if __name__ == "__main__":
    for name in write(read(KEPT), DOCS):
        print(Path("docs") / name)
