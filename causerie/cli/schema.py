"""`causerie migrate` and `causerie partitions`: the store does it, this says what was done."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from causerie.cli import instance
from causerie.cli.outcome import Failed
from causerie.store import migrate, partitions
from causerie.store.ddl import SchemaError

T = TypeVar("T")


def migrate_up(directory: Path) -> int:
    """Apply what is missing."""
    applied = _carried_out(migrate.up(instance.database_url(directory)))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
    return 0


def migrate_down(directory: Path, steps: int) -> int:
    """Undo the last steps."""
    undone = _carried_out(migrate.down(instance.database_url(directory), steps))
    print("\n".join(f"undid {name}" for name in undone) or "there is nothing to undo")
    return 0


def migrate_status(directory: Path) -> int:
    """Show every step; 1 when the schema is not the one this release needs."""
    steps = _carried_out(migrate.status(instance.database_url(directory)))
    for step in steps:
        when = f"  {step.applied_at:%Y-%m-%d %H:%M:%S}Z" if step.applied_at else ""
        print(f"{step.state:<9}{step.name}{when}")
    return 0 if all(step.state in {"applied", "unknown"} for step in steps) else 1


def partitions_ensure(directory: Path, months_ahead: int) -> int:
    """Make what is missing ahead."""
    done = _carried_out(partitions.ensure(instance.database_url(directory), months_ahead=months_ahead))
    lines = [f"created {name}" for name in done.created]
    lines += [f"moved {rows} rows from the default into {name}" for name, rows in done.repaired.items()]
    print("\n".join(lines) or "every partition is there")
    return 0


def partitions_retain(directory: Path, months: int | None, event_months: int) -> int:
    """Detach what is too old, drop what earlier runs detached."""
    done = _carried_out(partitions.retain(instance.database_url(directory), months=months, event_months=event_months))
    lines = [f"detached {name}; the next run drops it" for name in done.detached]
    lines += [f"dropped {name}" for name in done.dropped]
    print("\n".join(lines) or "nothing is old enough")
    return 0


def partitions_check(directory: Path, months_ahead: int) -> int:
    """Report; 1 when anything is short."""
    report = _carried_out(partitions.check(instance.database_url(directory), months_ahead=months_ahead))
    print("\n".join(report.lines()))
    return 1 if report.short else 0


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except SchemaError as error:
        raise Failed(str(error)) from None
