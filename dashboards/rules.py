"""What a rule is, and how a file of them is written: the ``groups`` that Prometheus and a PrometheusRule share."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "ticket"]

RUNBOOKS = "https://github.com/causerie/causerie/blob/main/docs/operations/runbooks"
HEADER = "# Made by `make dashboards` from the folder dashboards/; change it there.\n"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Record:
    """A series that Prometheus keeps ready because it is asked for often, or over days."""

    name: str
    expr: str


@dataclass(frozen=True)
class Alert:
    """What calls somebody: a page wakes him, a ticket waits for the morning.

    `summary` and `detail` are a sentence each; Prometheus fills in ``{{ $value }}`` and ``{{ $labels.x }}``.
    `told_apart` is for alerts of one name: labels that say which one it is.
    """

    name: str
    expr: str
    wait: str
    severity: Severity
    summary: str
    detail: str
    told_apart: tuple[tuple[str, str], ...] = ()

    @property
    def runbook(self) -> str:
        return f"{RUNBOOKS}/{self.name}.md"


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other, at one moment."""

    name: str
    rules: tuple[Record | Alert, ...]


def render(groups: Sequence[Group], *, hasten: int = 1) -> str:
    """A file of rules. `hasten` divides every window and every wait: a proof cannot last six hours."""
    text = HEADER + "groups:\n" + "\n".join(line for group in groups for line in _group(group)) + "\n"
    return hastened(text, hasten) if hasten > 1 else text


def hastened(text: str, by: int) -> str:
    """The same queries with shorter ranges, offsets and waits; names of series stay."""
    return re.sub(
        r"(?P<before>\[|offset |for: )(?P<count>\d+)(?P<unit>[smhd])\b",
        lambda found: f"{found['before']}{_milliseconds(found['count'], found['unit']) // by}ms",
        text,
    )


def _milliseconds(count: str, unit: str) -> int:
    return int(count) * _SECONDS[unit] * 1000


def _group(group: Group) -> Iterator[str]:
    yield f"  - name: {group.name}"
    yield "    rules:"
    for rule in group.rules:
        match rule:
            case Record():
                yield f"      - record: {rule.name}"
                yield from _expression(rule.expr)
            case Alert():
                yield from _alert(rule)


def _alert(alert: Alert) -> Iterator[str]:
    yield f"      - alert: {alert.name}"
    yield from _expression(alert.expr)
    yield f"        for: {alert.wait}"
    yield "        labels:"
    for name, value in (("severity", alert.severity), *alert.told_apart):
        yield f"          {name}: {_quoted(value)}"
    yield "        annotations:"
    for name, value in (("summary", alert.summary), ("description", alert.detail), ("runbook_url", alert.runbook)):
        yield f"          {name}: {_quoted(value)}"


def _expression(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    for line in expr.splitlines():
        yield f"          {line}"


def _quoted(text: str) -> str:
    """A text of JSON is one of YAML."""
    return json.dumps(text, ensure_ascii=False)
