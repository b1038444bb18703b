"""What a page of panels consists of. Pages are data; `grafana.py` and `pictures.py` know how they are shown."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["short", "s", "bytes", "percentunit", "reqps", "cps", "Bps"]
"""By Grafana's names."""


@dataclass(frozen=True)
class Query:
    """PromQL and the name of its curves.

    ``{HERE}`` is what was chosen on the page, ``[WINDOW]`` is over how long rates are taken.
    """

    expr: str
    legend: str

    def promql(self, *, here: str, window: str) -> str:
        return self.expr.replace("HERE", here).replace("WINDOW", window)


@dataclass(frozen=True)
class Panel:
    """One picture: what it shows, and what `good` looks like. `bound` is drawn: beyond it somebody should look."""

    title: str
    shows: str
    good: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Literal["curves", "areas", "number"] = "curves"
    bound: float | None = None
    bad_below: bool = False
    """Whether too little is what is bad."""


@dataclass(frozen=True)
class Dashboard:
    """A page. `name` is its file and the end of its address; `question` is what it answers."""

    name: str
    title: str
    question: str
    panels: tuple[Panel, ...]
