"""Every budget of the design beside what was measured: `python -m bench.budgets`, and the end of `make bench`.

A budget is one line of `BUDGETS`: what it is, its bound, and the cell of the result that answers it.  What has no
result is shown with the reason, never left out.  Nothing fails here: a busy machine is not a bug.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.records import Figure, Flat, Least, NotMeasured, NotWhole, Of, Ratio, Record, Records, Values, of, read
from bench.report import RESULTS, ROOT, Cell, shown, table

KEPT = ROOT / "bench" / "results"

MINUTE = Least(59.0)
HERD = "10,000 reset at once"
OVER_CONNECTIONS = Flat("audience", "x floor CPU", "connections", (1_000, 100_000), {})
OVER_CONVERSATIONS = Flat("flatness", "x middle", "active conversations", (10, 10_000), {})
FLATNESS = 0.2
ENGINE, GATEWAY, SOCKETIFY, NATS = "causerie engine", "causerie gateway", "socketify", "nats-server"
PEERS = ("websockets", "fastapi", "python-socketio", "django channels", "node ws", "node socket.io")
PER_CPU = "x floor per CPU s"
"""Of the server's own processor time: what else the machine did takes no part. For a busy server it is `x floor`."""


@dataclass(frozen=True)
class Budget:
    """`bound` is the most there may be, or the least when `is_least`."""

    what: str
    bound: float
    figure: Figure
    unit: str = ""
    is_least: bool = False

    def verdict(self, measured: float) -> str:
        return "within" if (measured >= self.bound if self.is_least else measured <= self.bound) else "beyond"


def at_most(what: str, bound: float, unit: str, figure: Figure) -> Budget:
    return Budget(what, bound, figure, unit)


def at_least(what: str, bound: float, unit: str, figure: Figure) -> Budget:
    return Budget(what, bound, figure, unit, is_least=True)


def _peers(at_once: int) -> Ratio:
    """The engine over the best of the peers."""
    return Ratio(
        _fan_out(1_000, at_once, ENGINE), of("fanout", PER_CPU, max, subscribers=1_000, at_once=at_once, server=PEERS)
    )


def _all(column: str, pick: Callable[[Values], float] = max) -> Of:
    return of("hundred_thousand", column, pick, connections=100_000)


def _fan_out(subscribers: int, at_once: int, server: str, column: str = PER_CPU) -> Of:
    return of("fanout", column, subscribers=subscribers, at_once=at_once, server=server)


BUDGETS: dict[str, Sequence[Budget]] = {
    "Of the design": (
        at_most("an idle connection", 8, "KiB RSS", of("idle_memory", "gateway KiB (RSS)", max)),
        at_least("fan-out, one write per frame, 1,000 readers", 0.85, "of the floor", _fan_out(1_000, 1, ENGINE)),
        at_least("… the whole gateway, as it coalesces", 0.85, "of the floor", _fan_out(1_000, 1, GATEWAY)),
        at_least("fan-out, one write per frame, 5,000 readers", 0.75, "of the floor", _fan_out(5_000, 1, ENGINE)),
        at_least("… the whole gateway, as it coalesces", 0.75, "of the floor", _fan_out(5_000, 1, GATEWAY)),
        at_least("fan-out, 16 at once", 500_000, "deliveries/s", _fan_out(1_000, 16, ENGINE, "deliveries/s")),
        at_least(
            "… beside socketify", 0.9, "of it", Ratio(_fan_out(1_000, 16, ENGINE), _fan_out(1_000, 16, SOCKETIFY))
        ),
        at_least("posts in the store", 15_000, "/s", of("store_posts", "per second", what="post, 512")),
        at_least(
            "the whole pipeline, one recipient, for 60 s", 6_000, "sends/s", of("pipeline", "sends/s", seconds=MINUTE)
        ),
        at_least("into a channel of 1,000", 150_000, "deliveries/s", of("channel", "deliveries/s", load="1 at once")),
        at_most("send → ack, p50", 8, "ms", of("e2e", "p50 ms", what="send -> ack")),
        at_most("send → ack, p99", 40, "ms", of("e2e", "p99 ms", what="send -> ack")),
        at_most("send → delivered, p50", 15, "ms", of("e2e", "p50 ms", what="send -> delivered")),
        at_most("send → delivered, p99", 60, "ms", of("e2e", "p99 ms", what="send -> delivered")),
        at_most("page of 50 from the cache, p50", 3, "ms", of("history", "p50 ms", what="newest 50")),
        at_most("page of 50 from PostgreSQL, p50", 10, "ms", of("history", "p50 ms", what="an older 50")),
        at_most("a cached conversation in Redis", 8_000, "bytes", of("cache_bytes", "most", what="bytes of the key")),
        at_most("an append in Redis", 20, "µs", of("cache_bytes", "median", what="append, µs of Redis's thread")),
        at_most("10,000 reset at once: all back in 8 s + 30 s", 38, "s", of("reconnect", "seconds", who=HERD)),
        at_most("… for each", 3, "statements", of("reconnect", "statements each", who=HERD)),
        at_most(
            "… refused to the others", 0, "sends", of("reconnect", "postponed, or refused", max, who="others during")
        ),
    ),
    "At scale": (
        at_least("one write per frame, beside the best Python or Node peer", 1.5, "of it", _peers(1)),
        at_least("16 at once, beside the best of these", 3, "of it", _peers(16)),
        at_least("16 at once, beside NATS", 1, "of it", Ratio(_fan_out(1_000, 16, ENGINE), _fan_out(1_000, 16, NATS))),
        at_most("100,000 connections: each", 8, "KiB RSS", _all("KiB RSS")),
        at_least("… connected in the slowest wave", 2_000, "/s", _all("opened/s", min)),
        at_most("… a broadcast to all", 1.3, "of the floor's time", _all("x floor time", median)),
        at_most(
            "… kept when they have left",
            0.1,
            "of what they took",
            Ratio(_all("KiB kept"), _all("KiB RSS")),
        ),
        at_most("cost per delivery, 1,000 to 100,000 connections", FLATNESS, "off its middle", OVER_CONNECTIONS),
        at_most("cost per delivery, 10 to 10,000 conversations", FLATNESS, "off its middle", OVER_CONVERSATIONS),
    ),
}


def rows(records: Records, budgets: Sequence[Budget]) -> list[list[Cell]]:
    return [_row(records, budget) for budget in budgets]


def page_table(records: Records, budgets: Sequence[Budget]) -> str:
    return table(("what", "budget", "measured", "verdict", "by"), rows(records, budgets))


def _row(records: Records, budget: Budget) -> list[Cell]:
    bound = f"{'≥' if budget.is_least else '≤'} {shown(budget.bound)} {budget.unit}"
    try:
        measured = budget.figure.value(records)
    except NotWhole as reason:
        return [budget.what, bound, "–", f"not whole: {reason}", _source(records[budget.figure.benchmark])]
    except NotMeasured as reason:
        return [budget.what, bound, "–", f"not measured: {reason}", ""]
    return [budget.what, bound, shown(measured), budget.verdict(measured), _source(records[budget.figure.benchmark])]


def _source(record: Record) -> str:
    return f"{record.name}, {record.commit}, load {record.load_before:.2f}"


def show(folder: Path = RESULTS) -> None:
    """Print all of them."""
    records = read(folder)
    for title, budgets in BUDGETS.items():
        print(f"\n## Budgets: {title}\n{page_table(records, budgets)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Every budget beside what was measured.")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="of results; those kept are in bench/results")
    show(parser.parse_args().folder)


if __name__ == "__main__":
    main()
