"""What a run leaves behind: one file that the planner reads, and that says under which circumstances it was made."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gevent
import psutil
from gevent.lock import BoundedSemaphore
from locust.stats import RequestStats, calculate_response_time_percentile

from loadtest.machine import kernel_bytes, processor
from loadtest.options import Options
from loadtest.sampling import SCRAPE_SECONDS, Part, Parts, sample
from loadtest.thresholds import Outcome

FORMAT = 1
GENERATOR = "generator"


class Recorder:
    """Samples every few seconds and at each change of stage; keeps a line for each second of the swarms' reports."""

    def __init__(self, options: Options, swarms: Sequence[int]) -> None:
        self._options = options
        self._parts = [*Parts.read(options.parts).all, Part(GENERATOR, [*swarms, os.getpid()], ())]
        self._began = time.time()
        self._load_before = os.getloadavg()
        self._stage = ""
        self._samples: list[dict[str, Any]] = []
        self._seconds: dict[int, dict[str, Any]] = {}
        self.is_over = False
        self._turn = BoundedSemaphore()
        self._sampling = gevent.spawn(self._go_on)

    def enter(self, stage: str) -> None:
        """A stage begins: what is counted up to here belongs to the one before."""
        self._stage = stage
        self._sample()

    def report(self, place: int, report: Mapping[str, Any], stage: str) -> None:
        """One second of one swarm."""
        second = int(time.time() - self._began)
        line = self._seconds.setdefault(second, {"second": second, "stage": stage, "swarms": {}})
        line["swarms"][place] = report

    def stop(self) -> None:
        self.is_over = True
        self._sampling.kill()

    def write(self, stats: RequestStats, outcome: Outcome, verdict: Sequence[str]) -> None:
        """Write the file, if one was asked for."""
        file = self._options.record
        if file is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self._record(stats, outcome, verdict), ensure_ascii=False) + "\n")

    def _record(self, stats: RequestStats, outcome: Outcome, verdict: Sequence[str]) -> dict[str, Any]:
        options = self._options
        return {
            "format": FORMAT,
            "scenario": options.scenario,
            "connections": options.connections,
            "group_size": options.group_size,
            "arrivals": options.arrivals,
            "talk": options.talk,
            "stretch": options.stretch,
            "dialect": options.dialect,
            "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._began)),
            "machine": machine(),
            "load_average_before": self._load_before[0],
            "verdict": list(verdict),
            "lost": outcome.lost,
            "totals": {
                name: {
                    "count": entry.num_requests,
                    "failures": entry.num_failures,
                    "p50_ms": entry.get_response_time_percentile(0.5),
                    "p95_ms": entry.get_response_time_percentile(0.95),
                    "p99_ms": entry.get_response_time_percentile(0.99),
                    "longest_ms": round(entry.max_response_time, 1),
                }
                for (name, _), entry in stats.entries.items()
            },
            "seconds": [_second(line) for _, line in sorted(self._seconds.items())],
            "samples": self._samples,
        }

    def _go_on(self) -> None:
        while True:
            gevent.sleep(SCRAPE_SECONDS)
            self._sample()

    def _sample(self) -> None:
        with self._turn:
            self._samples.append(
                {
                    "at": round(time.time() - self._began, 3),
                    "stage": self._stage,
                    "present": self._present(),
                    "kernel_bytes": kernel_bytes(),
                    "parts": sample(self._parts),
                }
            )

    def _present(self) -> int:
        last: dict[int, int] = {}
        for second in sorted(self._seconds)[-3:]:
            last |= {place: report["present"] for place, report in self._seconds[second]["swarms"].items()}
        return sum(last.values())


def machine() -> dict[str, object]:
    """Where it ran: figures mean little without."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _second(line: Mapping[str, Any]) -> dict[str, Any]:
    """All swarms together, in figures instead of histograms."""
    reports = list(line["swarms"].values())
    names = sorted({name for report in reports for name in report["took"]})
    counts: dict[str, int] = {}
    failed: dict[str, int] = {}
    for report in reports:
        for name, count in report["counts"].items():
            counts[name] = counts.get(name, 0) + count
        for name, failures in report["failed"].items():
            failed[name] = failed.get(name, 0) + sum(failures.values())
    return {
        "second": line["second"],
        "stage": line["stage"],
        "present": sum(report["present"] for report in reports),
        "delivered": sum(report["delivered"] for report in reports),
        "generator_lag_seconds": round(max(report["lag_seconds"] for report in reports), 4),
        "counts": counts,
        "failed": failed,
        "took": {
            name: _figures([report["took"][name] for report in reports if name in report["took"]]) for name in names
        },
    }


def _figures(parts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    counts: dict[int, int] = {}
    for part in parts:
        for key, count in part["counts"].items():
            counts[int(key)] = counts.get(int(key), 0) + count
    total = sum(counts.values())
    return {
        "count": total,
        "p50_ms": calculate_response_time_percentile(counts, total, 0.5),
        "p99_ms": calculate_response_time_percentile(counts, total, 0.99),
        "longest_ms": round(max(part["longest"] for part in parts), 1),
    }
