"""Least squares with coefficients that cannot be negative, and how sure they are. Few columns: all choices are tried.

Costs are never negative, but noise makes plain least squares say so when two drivers grow together.  With six columns
there are 63 choices of which are more than nothing; the best of those without a negative one is the answer, exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

MAX_COLUMNS = 8
_TINY = 1e-10

Row = Sequence[float]


class TooFew(Exception):
    """Not enough observations to say anything."""


@dataclass(frozen=True)
class Fit:
    """`coefficients` in the order of columns; `covariance` of those that are not zero, in their order."""

    coefficients: tuple[float, ...]
    active: tuple[int, ...]
    covariance: tuple[tuple[float, ...], ...]
    sigma: float
    """Of one observation, in units of its own weight."""
    degrees: int

    def at(self, row: Row) -> float:
        return math.fsum(c * x for c, x in zip(self.coefficients, row, strict=True))

    def error_at(self, row: Row) -> float:
        """The standard error of the mean there, without the spread of single observations."""
        x = [row[column] for column in self.active]
        return math.sqrt(
            max(
                0.0,
                math.fsum(
                    a * b * c for a, r in zip(x, self.covariance, strict=True) for b, c in zip(x, r, strict=True)
                ),
            )
        )

    def merit(self, *, more: int = 0) -> float:
        """Akaike's criterion, the less the better; `more` is how many numbers were chosen beside the columns."""
        count = self.degrees + len(self.active)
        chosen = len(self.active) + more + 1
        if count <= chosen + 1:
            return math.inf
        left = max(self.sigma**2 * self.degrees / count, _TINY)
        return count * math.log(left) + 2 * chosen + 2 * chosen * (chosen + 1) / (count - chosen - 1)

    def error_of(self, column: int) -> float:
        """The standard error of one coefficient; infinite where it was found to be nothing."""
        if column not in self.active:
            return math.inf
        place = self.active.index(column)
        return math.sqrt(max(0.0, self.covariance[place][place]))


def fit(rows: Sequence[Row], values: Sequence[float], sigmas: Sequence[float]) -> Fit:
    """Fit values whose errors are in proportion to `sigmas`.

    Raises:
        TooFew: as many unknowns as observations, or columns that no observation tells apart.
    """
    width = len(rows[0]) if rows else 0
    assert width <= MAX_COLUMNS
    weighted = [[x / s for x in row] for row, s in zip(rows, sigmas, strict=True)]
    targets = [y / s for y, s in zip(values, sigmas, strict=True)]
    # Connections are thousands and pods are two: columns of one size keep the equations well.
    scales = [max((abs(row[n]) for row in weighted), default=0.0) for n in range(width)]
    present = [n for n in range(width) if scales[n] > 0]
    best: tuple[float, tuple[int, ...], list[float], list[list[float]]] | None = None
    for size in range(1, len(present) + 1):
        if len(rows) <= size:
            break
        for chosen in combinations(present, size):
            solved = _solve(weighted, targets, chosen, scales)
            if solved is None or min(solved[0]) < 0:
                continue
            found, inverse = solved
            left = math.fsum(
                (y - math.fsum(c * row[n] / scales[n] for c, n in zip(found, chosen, strict=True))) ** 2
                for row, y in zip(weighted, targets, strict=True)
            )
            if best is None or left < best[0] - _TINY * max(1.0, best[0]):
                best = left, chosen, found, inverse
    if best is None:
        raise TooFew("the runs do not have enough stages that differ")
    left, chosen, found, inverse = best
    degrees = len(rows) - len(chosen)
    variance = left / degrees
    coefficients = [0.0] * width
    for c, n in zip(found, chosen, strict=True):
        coefficients[n] = c / scales[n]
    covariance = tuple(
        tuple(variance * inverse[i][j] / (scales[a] * scales[b]) for j, b in enumerate(chosen))
        for i, a in enumerate(chosen)
    )
    return Fit(tuple(coefficients), chosen, covariance, math.sqrt(variance), degrees)


def student90(degrees: int) -> float:
    """How many standard errors hold nine in ten, by degrees of freedom (Abramowitz and Stegun 26.7.5)."""
    exact = {1: 6.314, 2: 2.920, 3: 2.353, 4: 2.132}
    if degrees in exact:
        return exact[degrees]
    z = 1.644854
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def _solve(
    rows: Sequence[Row], targets: Sequence[float], chosen: Sequence[int], scales: Sequence[float]
) -> tuple[list[float], list[list[float]]] | None:
    """The normal equations of these columns: solution and inverse; None when they cannot be told apart."""
    size = len(chosen)
    columns = [[row[n] / scales[n] for row in rows] for n in chosen]
    matrix = [
        [math.fsum(a * b for a, b in zip(one, other, strict=True)) for other in columns]
        + [float(i == j) for j in range(size)]
        for i, one in enumerate(columns)
    ]
    for place in range(size):
        pivot = max(range(place, size), key=lambda r: abs(matrix[r][place]))
        if abs(matrix[pivot][place]) < _TINY * max(abs(matrix[r][r]) for r in range(size)):
            return None
        matrix[place], matrix[pivot] = matrix[pivot], matrix[place]
        head = matrix[place][place]
        matrix[place] = [x / head for x in matrix[place]]
        for other in range(size):
            if other != place and (factor := matrix[other][place]):
                matrix[other] = [x - factor * y for x, y in zip(matrix[other], matrix[place], strict=True)]
    inverse = [row[size:] for row in matrix]
    right = [math.fsum(x * y for x, y in zip(column, targets, strict=True)) for column in columns]
    return [math.fsum(a * b for a, b in zip(row, right, strict=True)) for row in inverse], inverse
