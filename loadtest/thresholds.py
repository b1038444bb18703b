"""What a run must keep to pass: a few limits, a verdict of readable lines, an exit status."""

from collections.abc import Mapping
from dataclasses import dataclass

PASSED, BROKEN = 0, 1


@dataclass(frozen=True)
class Thresholds:
    """Milliseconds at the 99th percentile, a share, and counts. A name that nothing was measured of is not judged."""

    max_p99_connect: float = 5_000.0
    max_p99_ack: float = 250.0
    max_p99_delivered: float = 250.0
    max_p99_resume: float = 10_000.0
    max_error_ratio: float = 0.001
    max_lost: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """A run as the thresholds see it."""

    p99_ms: Mapping[str, float]
    requests: int
    failures: int
    lost: int | None
    """None when it could not be counted."""
    late: tuple[str, ...]
    """Stages in which not everybody came."""
    troubles: tuple[str, ...]


def judge(thresholds: Thresholds, outcome: Outcome) -> tuple[int, list[str]]:
    """The exit status, and a line for each thing that was judged."""
    broken: list[str] = []
    kept: list[str] = []
    for name, most in (
        ("connect", thresholds.max_p99_connect),
        ("send→ack", thresholds.max_p99_ack),
        ("send→delivered", thresholds.max_p99_delivered),
        ("resume", thresholds.max_p99_resume),
    ):
        if (found := outcome.p99_ms.get(name)) is not None:
            _judge(kept, broken, f"{name} p99 {found:,.0f} ms", f"{most:,.0f} ms", is_kept=found <= most)
    ratio = outcome.failures / outcome.requests if outcome.requests else float(outcome.failures > 0)
    told = f"errors {outcome.failures:,} of {outcome.requests:,} ({ratio:.3%})"
    _judge(kept, broken, told, f"{thresholds.max_error_ratio:.3%}", is_kept=ratio <= thresholds.max_error_ratio)
    if outcome.lost is None:
        broken.append("BROKEN  what was lost could not be counted")
    else:
        is_kept = outcome.lost <= thresholds.max_lost
        _judge(kept, broken, f"lost {outcome.lost:,}", f"{thresholds.max_lost:,.0f}", is_kept=is_kept)
    broken += [f"BROKEN  not everybody came in stage {stage!r}" for stage in outcome.late]
    broken += [f"BROKEN  {trouble}" for trouble in outcome.troubles]
    if not outcome.requests:
        broken.append("BROKEN  nothing was measured")
    return (BROKEN if broken else PASSED), [*kept, *broken]


def _judge(kept: list[str], broken: list[str], found: str, most: str, *, is_kept: bool) -> None:
    if is_kept:
        kept.append(f"kept    {found}, at most {most}")
    else:
        broken.append(f"BROKEN  {found}, at most {most}")
