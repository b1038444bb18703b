"""Results read back: what one benchmark found, and one figure of it by the names of its row and column."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from statistics import median
from typing import Protocol

from bench.report import Cell, Found

Values = Sequence[float]


@dataclass(frozen=True)
class Least:
    """A number of at least this."""

    value: float

    def __str__(self) -> str:
        return f"of {self.value:g} or more"


Wanted = Cell | tuple[Cell, ...] | Least
"""What a row has to hold: a cell, one of several, or enough of something."""


class NotMeasured(Exception):
    """A figure that is not there; the message is the reason shown in its place."""


class NotWhole(NotMeasured):
    """A figure of something else than what was asked for, for something was lost or refused."""


@dataclass(frozen=True)
class Record(Found):
    """What `Report.publish` wrote."""

    notes: Sequence[str]
    commit: str
    machine: dict[str, Cell]
    at: str
    load_before: float
    command: str = ""

    def select(self, **row: Wanted) -> list[dict[str, Cell]]:
        """The rows that hold these cells, `at_once` being the column "at once"; a word matches what begins with it."""
        wanted = {column.replace("_", " "): cell for column, cell in row.items()}
        every = [dict(zip(self.columns, cells, strict=True)) for cells in self.rows]
        return [found for found in every if all(_matches(found.get(name), cell) for name, cell in wanted.items())]


Records = Mapping[str, Record]


def read(folder: Path) -> dict[str, Record]:
    """All results of a folder, by name."""
    known = {field.name for field in fields(Record)}
    records = {}
    for path in sorted(folder.glob("*.json")):
        kept = json.loads(path.read_text())
        records[path.stem] = Record(**{name: value for name, value in kept.items() if name in known})
    return records


class Figure(Protocol):
    """What a budget is held against."""

    @property
    def benchmark(self) -> str:
        """The result it is read from."""

    def value(self, records: Records) -> float:
        """The figure.

        Raises:
            NotMeasured: no such result, row or column, or a row that could not be measured.
            NotWhole: a row of a run in which something was lost.
        """


@dataclass(frozen=True)
class Of:
    """A column of the rows of a result that hold these cells; `pick` makes one figure of those of several rounds."""

    benchmark: str
    column: str
    row: Mapping[str, Wanted]
    pick: Callable[[Values], float] = median

    def value(self, records: Records) -> float:
        record = records.get(self.benchmark)
        if record is None:
            raise NotMeasured(f"no result of {self.benchmark}")
        if self.column not in record.columns:
            raise NotMeasured(f"{self.benchmark} has no column {self.column!r}")
        found = record.select(**self.row)
        # The best of several is not the best of those that happen to be there.
        for row in _each(self.row):
            if not record.select(**row):
                described = ", ".join(f"{name.replace('_', ' ')} {cell}" for name, cell in row.items())
                raise NotMeasured(f"{self.benchmark} has no row of {described}")
        if broken := next(filter(None, map(_broken, found)), ""):
            raise NotWhole(broken)
        values = [cell for cell in (row[self.column] for row in found) if isinstance(cell, int | float)]
        if not values:
            raise NotMeasured(str(found[0].get("remark") or f"{self.benchmark} could not measure it"))
        return self.pick(values)


@dataclass(frozen=True)
class Ratio:
    """One figure over another, of the same result."""

    above: Of
    below: Of

    @property
    def benchmark(self) -> str:
        return self.above.benchmark

    def value(self, records: Records) -> float:
        above, below = self.above.value(records), self.below.value(records)
        return above / below if below else float("nan")


def of(benchmark: str, column: str, /, pick: Callable[[Values], float] = median, **row: Wanted) -> Of:
    return Of(benchmark, column, row, pick)


@dataclass(frozen=True)
class Flat:
    """How far a curve is from its middle at the most; what was measured several times at a size counts as its median.

    `between` are sizes it has to reach.
    """

    benchmark: str
    column: str
    over: str
    between: tuple[float, float]
    row: Mapping[str, Wanted]

    def curve(self, records: Records) -> list[tuple[float, float]]:
        """By size. Rows without a figure are of something else."""
        whole = Of(self.benchmark, self.column, self.row, len)
        whole.value(records)
        by_size: dict[float, list[float]] = {}
        for row in records[self.benchmark].select(**self.row):
            if isinstance(value := row[self.column], int | float):
                by_size.setdefault(float(row[self.over]), []).append(value)
        return [(size, median(values)) for size, values in sorted(by_size.items())]

    def value(self, records: Records) -> float:
        curve = self.curve(records)
        if curve[0][0] > self.between[0] or curve[-1][0] < self.between[1]:
            raise NotMeasured(f"{self.benchmark} is from {curve[0][0]:,.0f} to {curve[-1][0]:,.0f} only")
        return unevenness([value for _, value in curve])


def unevenness(values: Values) -> float:
    """How far the farthest is from the middle of them, as a share of it; one value alone is no curve."""
    if len(values) < 2:
        raise NotMeasured("only one size was measured")
    middle = median(values)
    return max(abs(value / middle - 1) for value in values)


def told_unevenness(values: Values) -> str:
    """As a note says it."""
    return f"within {100 * unevenness(values):.0f} %" if len(values) > 1 else "one size only"


def _broken(row: dict[str, Cell]) -> str:
    """Why a row's figures are of something else than what was asked for; a scenario says so in its remark."""
    remark = str(row.get("remark", ""))
    if remark.startswith("NOT WHOLE"):
        return remark.removeprefix("NOT WHOLE: ")
    if (whole := str(row.get("whole", "yes"))) != "yes":
        return whole.removeprefix("NO: ")
    if "expected" in row and row.get("seen", row["expected"]) != row["expected"]:
        return f"{row.get('seen')} of {row['expected']} arrived"
    return ""


def _matches(cell: Cell | None, wanted: Wanted) -> bool:
    if isinstance(wanted, tuple):
        return any(_matches(cell, one) for one in wanted)
    if isinstance(wanted, Least):
        return isinstance(cell, int | float) and cell >= wanted.value
    if isinstance(cell, str) and isinstance(wanted, str):
        return cell.startswith(wanted)
    return cell == wanted


def _each(row: Mapping[str, Wanted]) -> Iterator[dict[str, Wanted]]:
    """One row for each choice among cells."""
    for choice in product(*(wanted if isinstance(wanted, tuple) else (wanted,) for wanted in row.values())):
        yield dict(zip(row, choice, strict=True))
