"""What swarms report becomes Locust's own statistics, by the way Locust's workers report to their master."""

import time
from collections.abc import Mapping
from typing import Any

from locust.stats import RequestStats, StatsEntry, StatsError

METHOD = "WS"


def merge(stats: RequestStats, report: Mapping[str, Any]) -> None:
    """Add one report of one swarm."""
    now = time.time()
    for name in {*report["took"], *report["failed"]}:
        entry = _entry(stats, name, report["took"].get(name), report["failed"].get(name, {}), now)
        stats.entries[(name, METHOD)].extend(entry)
        stats.total.extend(entry)
    for name, failures in report["failed"].items():
        for why, times in failures.items():
            key = StatsError.create_key(METHOD, name, why)
            error = stats.errors.setdefault(key, StatsError(METHOD, name, why))
            error.occurrences += times


def _entry(
    stats: RequestStats, name: str, took: Mapping[str, Any] | None, failed: Mapping[str, int], now: float
) -> StatsEntry:
    """One second of one name, as if it had been logged here one by one."""
    entry = StatsEntry(stats, name, METHOD)
    entry.start_time = now
    failures = sum(failed.values())
    if took is not None:
        entry.num_requests = took["count"]
        entry.total_response_time = took["total"]
        entry.min_response_time = took["shortest"]
        entry.max_response_time = took["longest"]
        entry.response_times.update({int(key): count for key, count in took["counts"].items()})
    entry.num_requests += failures
    entry.num_none_requests = entry.num_failures = failures
    second = int(now)
    entry.num_reqs_per_sec[second] = entry.num_requests
    if failures:
        entry.num_fail_per_sec[second] = failures
    entry.last_request_timestamp = now
    return entry
