"""What took how long since the last report, rounded as Locust rounds: a report is small however much happened."""

from typing import Any

MAX_ERRORS = 50
"""Kinds of errors told apart in one report."""


class Durations:
    """A histogram of milliseconds, with what Locust keeps beside it."""

    __slots__ = ("count", "counts", "longest", "shortest", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.longest = 0.0
        self.shortest = float("inf")

    def add(self, milliseconds: float) -> None:
        key = rounded(milliseconds)
        self.counts[key] = self.counts.get(key, 0) + 1
        self.count += 1
        self.total += milliseconds
        self.longest = max(self.longest, milliseconds)
        self.shortest = min(self.shortest, milliseconds)


class Tally:
    """Named durations, failures and counts; `take` hands them out and begins anew."""

    def __init__(self) -> None:
        self._durations: dict[str, Durations] = {}
        self._failures: dict[str, dict[str, int]] = {}
        self._counts: dict[str, int] = {}

    def took(self, name: str, seconds: float) -> None:
        durations = self._durations.get(name)
        if durations is None:
            durations = self._durations[name] = Durations()
        durations.add(seconds * 1000)

    def failed(self, name: str, why: str) -> None:
        failures = self._failures.setdefault(name, {})
        if why not in failures and len(failures) >= MAX_ERRORS:
            why = "other"
        failures[why] = failures.get(why, 0) + 1

    def count(self, name: str, amount: int = 1) -> None:
        self._counts[name] = self._counts.get(name, 0) + amount

    def take(self) -> dict[str, Any]:
        """Everything since the last time, ready for JSON."""
        took = {
            name: {
                "counts": {str(key): count for key, count in one.counts.items()},
                "count": one.count,
                "total": one.total,
                "longest": one.longest,
                "shortest": one.shortest,
            }
            for name, one in self._durations.items()
        }
        report = {"took": took, "failed": self._failures, "counts": self._counts}
        self._durations, self._failures, self._counts = {}, {}, {}
        return report


def rounded(milliseconds: float) -> int:
    """Two digits, as `locust.stats.bucket_response_time` does it."""
    if milliseconds < 100:
        return round(milliseconds)
    for limit, digits in ((1_000, -1), (10_000, -2)):
        if milliseconds < limit:
            return int(round(milliseconds, digits))
    return int(round(milliseconds, -3))
