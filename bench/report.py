"""What a measurement leaves behind: a small table for people, JSON with commit and machine for the record.

A figure without its circumstances is a rumour, so both carry the commit, the machine and how busy it was.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from loadtest.machine import processor

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".data" / "bench"
MEASURED = (
    "causerie",
    "services",
    "bench",
    "loadtest",
    "migrations",
    "tests/support",
    "pyproject.toml",
    "requirements-run.txt",
)
NOT_MEASURED = (":!bench/results", ":!*.md")
"""A figure depends on the former alone: whoever keeps one result may measure the next without a commit between."""

Cell = str | int | float
LOAD_BEFORE = os.getloadavg()[0]
"""How busy the machine was before we began: read when the benchmark is imported."""


@dataclass(frozen=True)
class Found:
    """What a benchmark asked and found. `columns` are the names of the figures of each row."""

    name: str
    question: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Report(Found):
    """One benchmark's outcome, to be told and kept."""

    notes: Sequence[str] = ()
    load_before: float = LOAD_BEFORE

    def publish(self) -> None:
        """Print the table, and the same as one line of JSON, and write that to `.data/bench/<name>.json`."""
        circumstances = {
            "commit": commit(),
            "command": command(),
            "machine": machine(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        print(f"\n## {self.name}: {self.question}")
        print(f"{circumstances['commit']} on {describe(machine())}, load average before: {self.load_before:.2f}")
        print(table(self.columns, self.rows))
        for note in self.notes:
            print(f"- {note}")
        record = {**circumstances, **asdict(self)}
        print(json.dumps(record, default=str), flush=True)
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(record, indent=1, default=str) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table for a terminal that is one for Markdown too."""
    lines = [[*columns], ["-" * 3 for _ in columns], *([shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def commit(root: Path = ROOT) -> str:
    """The commit measured, marked when what is measured differs from it; new files count, for they may be run."""
    name = _git(root, "rev-parse", "--short=10", "HEAD")
    if not name:
        return "no commit"
    return f"{name}+changes" if _git(root, "status", "--porcelain", "--", *MEASURED, *NOT_MEASURED) else name


def command() -> str:
    """What to type to measure this again."""
    spec = sys.modules["__main__"].__spec__
    return shlex.join(["python", "-m", spec.name if spec else "bench", *sys.argv[1:]])


def machine() -> dict[str, Cell]:
    """What was measured on, as far as figures depend on it."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def describe(facts: dict[str, Cell]) -> str:
    cpu, cores, memory = facts["cpu"], facts["cores"], facts["memory_gib"]
    return f"{cpu}, {cores} cores, {memory} GiB, Linux {facts['kernel']}, Python {facts['python']}"


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; nan of nothing."""
    if not sorted_values:
        return float("nan")
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def shown(cell: Cell) -> str:
    """A figure as people read it."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.2f}" if abs(cell) < 10 else f"{cell:.1f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _git(root: Path, *arguments: str) -> str:
    asked = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
