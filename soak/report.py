"""Ledgers for people: one at the end of each run, and the matrix over all of them."""

from collections.abc import Mapping, Sequence

from soak.evidence import Struck
from soak.ledger import CONVERGED_WITHIN_SECONDS, Finding, Kind, Ledger

SHOWN_FINDINGS = 5
COLUMNS = (Kind.LOST, Kind.DUPLICATED, Kind.HOLE, Kind.REORDERED, Kind.SKIPPED, Kind.OVERTAKEN, Kind.GHOST)


def ledger_text(name: str, ledger: Ledger, faults: Sequence[Struck]) -> str:
    """The loss ledger of one run."""
    took = [struck.converged_seconds for struck in faults]
    slowest = max((seconds for seconds in took if seconds is not None), default=0.0)
    proven = sum(struck.proof is not None for struck in faults)
    late = ledger.count(Kind.LATE)
    lines = [
        f"LOSS LEDGER  {name}",
        f"  accepted      {ledger.accepted:9,} of {ledger.due:,} due",
        f"  delivered     {ledger.delivered:9,} of {ledger.expected:,} (each message to each member)",
        f"  healed        {ledger.healed:9,} events came by sync or from the log instead of live",
        *(f"  {kind:<13} {ledger.count(kind):9,}" for kind in Kind if kind not in (Kind.LATE, Kind.UNPROVEN)),
        f"  faults        {len(faults):9,} of which {proven} provably happened",
        f"  converged     {len(faults) - late:9,} times within {CONVERGED_WITHIN_SECONDS:.0f} s of the heal; "
        f"slowest {'never' if None in took else f'{slowest:.1f} s'}",
        *(f"    {finding.kind}: {finding.what}" for finding in _examples(ledger)),
        f"  verdict       {ledger.verdict}",
    ]
    return "\n".join(lines)


def matrix(ledgers: Mapping[tuple[str, int], Ledger]) -> str:
    """Scenario by fault, each seed's figures added up; the last column is how long the slowest heal took."""
    cells: dict[tuple[str, str], list[int]] = {}
    slowest: dict[tuple[str, str], float | None] = {}
    for (scenario, _), ledger in ledgers.items():
        for row in ledger.faults:
            figures = [row.times, row.proven, row.accepted, *(row.findings.get(kind, 0) for kind in COLUMNS)]
            cell = scenario, row.fault
            known = cells.get(cell, [0] * len(figures))
            cells[cell] = [a + b for a, b in zip(known, figures, strict=True)]
            before = slowest.get(cell, 0.0)
            slowest[cell] = None if before is None or row.slowest_seconds is None else max(before, row.slowest_seconds)
    head = ("scenario", "fault", "times", "proven", "accepted", *COLUMNS, "slowest s")
    lines = [
        (scenario, fault, *(f"{figure:,}" for figure in figures), _seconds(slowest[scenario, fault]))
        for (scenario, fault), figures in sorted(cells.items())
    ]
    verdicts = [f"{scenario}, seed {seed}: {ledger.verdict}" for (scenario, seed), ledger in ledgers.items()]
    return "\n".join([*table([head, tuple("---" for _ in head), *lines]), "", *verdicts])


def _examples(ledger: Ledger) -> list[Finding]:
    shown: list[Finding] = []
    for kind in Kind:
        shown += [finding for finding in ledger.findings if finding.kind is kind][:SHOWN_FINDINGS]
    return shown


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
