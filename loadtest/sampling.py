"""What the parts of a platform use: processor and memory from /proc, counters from `/metrics`.

A part is all processes of one kind: the gateways, the workers, PostgreSQL.  On a cluster nobody here knows a pid; then
`/metrics` alone speaks, and says processor and memory too where a service tells them.
"""

import json
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from loadtest.machine import KIB
from loadtest.trouble import Trouble

SCRAPE_SECONDS = 3.0
_PROCESS = {"process_cpu_time_seconds_total": "cpu_seconds", "process_memory_usage_bytes": "memory_bytes"}


@dataclass(frozen=True)
class Part:
    """`pids` of this machine, roots of process trees; `metrics` are addresses, one for each pod."""

    name: str
    pids: Sequence[int]
    metrics: Sequence[str]
    is_store: bool = False


@dataclass(frozen=True)
class Parts:
    """Everything that is looked at."""

    all: Sequence[Part]

    @classmethod
    def read(cls, file: Path | None) -> Self:
        """
        Raises:
            Trouble: the file is not there, or says something else.
        """
        if file is None:
            return cls(())
        try:
            told: dict[str, Any] = json.loads(file.read_text())
            return cls(tuple(Part(name, **fields) for name, fields in told.items()))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Trouble(f"{file} does not say what to scrape and weigh: {error}") from None

    def write(self, file: Path) -> None:
        told = {part.name: {"pids": part.pids, "metrics": part.metrics, "is_store": part.is_store} for part in self.all}
        file.write_text(json.dumps(told, indent=2) + "\n")


def sample(parts: Iterable[Part]) -> dict[str, dict[str, Any]]:
    """Each part at this moment; all that is counted is since its start."""
    return {part.name: _sample(part) for part in parts}


def parse(exposition: str) -> dict[str, float]:
    """Counters and gauges by name, their series added up; buckets are left out."""
    found: dict[str, float] = {}
    for line in exposition.splitlines():
        if not line or line.startswith("#"):
            continue
        series, _, value = line.partition(" ") if "{" not in line else _split(line)
        name, _, labels = series.partition("{")
        if name.endswith("_bucket"):
            continue
        found[name] = found.get(name, 0.0) + float(value.split()[0])
        if 'result="accepted"' in labels:
            found[f"{name}:accepted"] = float(value.split()[0])
    return found


def _split(line: str) -> tuple[str, str, str]:
    series, _, value = line.rpartition("} ")
    return series, "", value


def _sample(part: Part) -> dict[str, Any]:
    metrics: dict[str, float] = {}
    for address in part.metrics:
        for name, value in _scrape(address).items():
            metrics[name] = metrics.get(name, 0.0) + value
    told = {ours: metrics[name] for name, ours in _PROCESS.items() if name in metrics}
    measured = _weigh(part) if part.pids else told
    return {"pods": max(len(part.metrics), 1), **measured, "metrics": metrics}


def _scrape(address: str) -> Mapping[str, float]:
    try:
        with urllib.request.urlopen(address, timeout=2.0) as answer:
            return parse(answer.read().decode())
    except OSError:
        return {}


def _weigh(part: Part) -> dict[str, float]:
    cpu, memory, disk = 0.0, 0, 0
    for pid in part.pids:
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        disk += _tables(pid) if part.is_store else 0
        for one in family:
            try:
                times = one.cpu_times()
                # Those who ended are in what their parent has waited for.
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += _shared_fairly(one) if part.is_store else one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return {"cpu_seconds": cpu, "memory_bytes": memory, "disk_bytes": disk}


def _tables(pid: int) -> int:
    """Bytes of all databases of a PostgreSQL, which works in its data directory; the write-ahead log is not in it."""
    size = 0
    try:
        for file in Path(f"/proc/{pid}/cwd/base").glob("*/*"):
            size += file.stat().st_size
    except OSError:
        pass  # A file that goes while we look.
    return size


def _shared_fairly(process: psutil.Process) -> int:
    """PostgreSQL's processes share their buffers: each counts for its part of them."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return int(process.memory_info().rss)
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:")), 0)
