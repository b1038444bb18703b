"""The three promises to users, and the rules that say how fast their error budgets burn.

A promise leaves a budget: of 99.9 % one thousandth may go wrong in 30 days.  A burn rate of 1 spends just that in
30 days, 14.4 a fiftieth of it in one hour.  Each pace is looked for over two windows: the long one says that it
matters, the short one that it is still so, and ends the alarm soon after the trouble does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.rules import Alert, Group, Record, Severity

MIN_EVENTS = 100
"""Fewer than these over the long window say nothing: at night two failures of five are no outage."""
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True)
class Pace:
    """One way to run out: `times` as fast as the budget allows, over `long` and still over `short`."""

    times: float
    long: str
    short: str
    severity: Severity


PACES = (
    Pace(14.4, "1h", "5m", "page"),
    Pace(6, "6h", "30m", "page"),
    Pace(3, "1d", "2h", "ticket"),
    Pace(1, "3d", "6h", "ticket"),
)


@dataclass(frozen=True)
class ServiceLevel:
    """A promise. `good` and `all` are counters of what kept it and of what was tried; `lost` is not even in `all`."""

    name: str
    objective: float
    promise: str
    alert: str
    notices: str
    good: str
    all: str
    lost: str = ""

    @property
    def budget(self) -> float:
        return round(1 - self.objective, 6)

    def ratio(self, window: str) -> str:
        """The recorded series: which part went wrong."""
        return f"causerie:{self.name}_errors:ratio_rate{window}"

    def events(self, window: str) -> str:
        """The recorded series: how many there were."""
        return f"causerie:{self.name}_events:increase{window}"


HANDSHAKE = ServiceLevel(
    name="handshake",
    objective=0.99,
    promise="99 % of upgrades get their 101 within 1 s",
    alert="CauserieHandshakesFail",
    notices="Clients cannot connect, or only at the second or third try.",
    good='causerie_gateway_handshake_duration_seconds_bucket{le=~"1(\\\\.0)?"}',
    all="causerie_gateway_handshake_duration_seconds_count",
    # What is wrong with the request itself is not ours: unauthenticated, forbidden, malformed, a head that never came.
    lost='causerie_gateway_handshakes_total{result=~"draining|full|crowded|paced"}',
)
DELIVERY = ServiceLevel(
    name="delivery",
    objective=0.99,
    promise="99 % of deliveries are written to their sockets within 250 ms of the commit",
    alert="CauserieDeliveriesLate",
    notices="Messages arrive late; nothing is lost.",
    good='causerie_delivery_duration_seconds_bucket{le="0.25"}',
    all="causerie_delivery_duration_seconds_count",
)
API = ServiceLevel(
    name="api",
    objective=0.999,
    promise="99.9 % of requests get an answer that is not 5xx",
    alert="CauserieApiFails",
    notices="Requests fail with 503 or 500; clients try again by themselves.",
    good='http_server_request_duration_seconds_count{http_response_status_code!~"5.."}',
    all="http_server_request_duration_seconds_count",
)
LEVELS = (HANDSHAKE, DELIVERY, API)


def groups() -> Iterator[Group]:
    for level in LEVELS:
        ratios = [Record(level.ratio(window), _ratio(level, window)) for window in WINDOWS]
        events = [Record(level.events(pace.long), _sum("increase", level, pace.long)) for pace in PACES]
        alerts = [_alert(level, pace) for pace in PACES]
        yield Group(f"causerie-{level.name}-level", (*ratios, *events, *alerts))


def _sum(function: str, level: ServiceLevel, window: str) -> str:
    counted = f"sum by (namespace) ({function}({level.all}[{window}]))"
    return counted if not level.lost else f"{counted}\n+ sum by (namespace) ({function}({level.lost}[{window}]))"


def _ratio(level: ServiceLevel, window: str) -> str:
    good = f"sum by (namespace) (rate({level.good}[{window}]))"
    none = f"0 * sum by (namespace) (rate({level.all}[{window}]))"
    return f"1 - (\n  {good}\n  or {none}\n)\n/ (\n{_indented(_sum('rate', level, window))}\n)"


def _alert(level: ServiceLevel, pace: Pace) -> Alert:
    bound = f"{pace.times * level.budget:.6g}"
    return Alert(
        level.alert,
        f"{level.ratio(pace.long)} > {bound}\n"
        f"and {level.ratio(pace.short)} > {bound}\n"
        f"and {level.events(pace.long)} >= {MIN_EVENTS}",
        wait="0s" if pace.severity == "page" else "15m",
        severity=pace.severity,
        summary=f"{level.promise}: the budget of 30 days burns {pace.times:g} times too fast.",
        detail=f"{{{{ $value | humanizePercentage }}}} went wrong over {pace.long}; {bound} or less is sustainable. "
        + level.notices,
        told_apart=(("burn_rate", f"{pace.times:g}"), ("window", pace.long)),
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
