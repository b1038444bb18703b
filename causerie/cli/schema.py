"""`causerie migrate`, `partitions` and `reconcile`: the store does it, this says what was done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from causerie.cli import instance
from causerie.cli.outcome import Failed
from causerie.store import migrate, partitions, reconcile
from causerie.store.ddl import SchemaError

T = TypeVar("T")

PAUSE_SECONDS = 1.0
"""Between two looks at a database that is not there yet."""


def migrate_up(directory: Path, wait_seconds: float) -> int:
    """Apply what is missing; a PostgreSQL that does not answer yet is waited for."""
    url = instance.database_url(directory)
    _carried_out(_until_settled(lambda: migrate.status(url), lambda _: True, wait_seconds))
    applied = _carried_out(migrate.up(url))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
    return 0


def migrate_down(directory: Path, steps: int) -> int:
    """Undo the last steps."""
    undone = _carried_out(migrate.down(instance.database_url(directory), steps))
    print("\n".join(f"undid {name}" for name in undone) or "there is nothing to undo")
    return 0


def migrate_status(directory: Path, wait_seconds: float) -> int:
    """Show every step; 1 when the schema is not the one this release needs, after waiting for it."""
    url = instance.database_url(directory)
    steps = _carried_out(_until_settled(lambda: migrate.status(url), _is_there, wait_seconds))
    for step in steps:
        when = f"  {step.applied_at:%Y-%m-%d %H:%M:%S}Z" if step.applied_at else ""
        print(f"{step.state:<9}{step.name}{when}")
    return 0 if _is_there(steps) else 1


def partitions_ensure(directory: Path, months_ahead: int) -> int:
    """Make what is missing ahead."""
    done = _carried_out(partitions.ensure(instance.database_url(directory), months_ahead=months_ahead))
    lines = [f"created {name}" for name in done.created]
    lines += [f"moved {rows} rows from the default into {name}" for name, rows in done.repaired.items()]
    print("\n".join(lines) or "every partition is there")
    return 0


def partitions_retain(directory: Path, months: int | None, event_months: int, drop_after_hours: int) -> int:
    """Detach what is too old, drop what earlier runs detached."""
    url, drop_after = instance.database_url(directory), timedelta(hours=drop_after_hours)
    done = _carried_out(partitions.retain(url, months=months, event_months=event_months, drop_after=drop_after))
    dropper = f"a run in {drop_after_hours} h" if drop_after else "the next run"
    lines = [f"detached {name}; {dropper} drops it" for name in done.detached]
    lines += [f"dropped {name}" for name in done.dropped]
    lines += [f"finished detaching {name}, which somebody had begun" for name in done.finished]
    print("\n".join(lines) or "nothing is old enough")
    return 0


def partitions_check(directory: Path, months_ahead: int) -> int:
    """Report; 1 when anything is short."""
    report = _carried_out(partitions.check(instance.database_url(directory), months_ahead=months_ahead))
    print("\n".join(report.lines()))
    return 1 if report.short else 0


def reconcile_all(directory: Path, *, repair: bool) -> int:
    """Hold counters and read marks against the messages; 1 when something differs and is left as it is."""
    found = _carried_out(reconcile.reconcile(instance.database_url(directory), repair=repair))
    print("\n".join(found.lines()))
    return 1 if found.left else 0


def _is_there(steps: list[migrate.Status]) -> bool:
    return all(step.state in {"applied", "unknown"} for step in steps)


async def _until_settled(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], wait_seconds: float) -> T:
    """Ask until the answer holds, or for so long; then the last answer stands, be it an error."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        try:
            answer = await ask()
            if holds(answer) or loop.time() >= deadline:
                return answer
        except SchemaError:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except SchemaError as error:
        raise Failed(str(error)) from None
