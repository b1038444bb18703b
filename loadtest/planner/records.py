"""Runs as the planner sees them: for each stage what was done a second, and what each part used for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from loadtest.trouble import Trouble

FORMAT = 1
MIN_SECONDS = 4.0
"""Shorter stages say more of the sampling than of the platform."""
MIN_MESSAGES = 1_000
"""Fewer do not fill enough pages to say what one takes."""
SERVICES = ("gateway", "worker", "api")
STORES = ("postgres", "redis", "nats")


@dataclass(frozen=True)
class Load:
    """What a platform is asked for, measured or wished."""

    connections: float = 0.0
    deliveries: float = 0.0
    messages: float = 0.0
    handshakes: float = 0.0
    pages: float = 0.0

    def row(self, drivers: Sequence[str], pods: float, *, apart_seconds: float) -> list[float]:
        """The numbers of these drivers; what has no field of its own is `pods` or `turns`."""
        own = {"pods": pods, "turns": self._turns(pods, apart_seconds)}
        return [own[driver] if driver in own else float(getattr(self, driver)) for driver in drivers]

    def _turns(self, pods: float, apart_seconds: float) -> float:
        """Times a second that a pod is woken by a message: those that come closer together than that share a turn."""
        return self.messages / (1 + self.messages / pods * apart_seconds)


@dataclass(frozen=True)
class Used:
    """What one part used in a stage; memory is that at its end."""

    pods: int
    cores: float
    memory_bytes: float


@dataclass(frozen=True)
class StageSeen:
    """One stage of one run."""

    run: str
    stage: str
    seconds: float
    load: Load
    parts: Mapping[str, Used]
    kernel_bytes: float


@dataclass(frozen=True)
class Run:
    """One record of so many messages. `disk_each` is what one added to PostgreSQL's files, None where nobody looked."""

    name: str
    connections: int
    stages: Sequence[StageSeen]
    disk_each: float | None
    messages: float
    database_seconds_each: float | None
    """Of a connection to PostgreSQL, for each message at the busiest."""
    machine: Mapping[str, Any]


def read(file: Path) -> Run:
    """
    Raises:
        Trouble: there is no such record, or it is no record.
    """
    try:
        told: dict[str, Any] = json.loads(file.read_text())
        if told["format"] != FORMAT:
            raise Trouble(f"{file} is a record of format {told['format']}; this planner reads {FORMAT}")
        samples: list[dict[str, Any]] = told["samples"]
        stages = _stages(file.stem, samples)
        name = f"{told['scenario']} {told['connections']:,}"
        said = _metric(samples[-1], "causerie_messages_accepted_total") if samples else 0.0
        run = Run(name, told["connections"], stages, _disk_each(samples), said, _database(samples), told["machine"])
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(f"{file} is no record of a load test (`make loadtest` writes record.json)") from None
    if not run.stages:
        raise Trouble(f"{file} has no stage of {MIN_SECONDS:g} s in which a part was weighed: was it given --parts?")
    return run


def _stages(run: str, samples: Sequence[Mapping[str, Any]]) -> list[StageSeen]:
    """Between two changes of stage; the sample at a change ends one stage and begins the next."""
    changes = [0, *(n for n in range(1, len(samples)) if samples[n]["stage"] != samples[n - 1]["stage"])]
    found = []
    for first, last in pairwise(changes):
        begin, end, inside = samples[first], samples[last], samples[first : last + 1]
        seconds = end["at"] - begin["at"]
        weighed = {
            name: part for name, part in end["parts"].items() if "cpu_seconds" in part and name in begin["parts"]
        }
        if not begin["stage"] or seconds < MIN_SECONDS or not weighed:
            continue
        load = Load(
            connections=_over_time(inside),
            deliveries=_grown(begin, end, "causerie_gateway_deliveries_total") / seconds,
            messages=_grown(begin, end, "causerie_messages_accepted_total") / seconds,
            handshakes=_grown(begin, end, "causerie_gateway_handshakes_total:accepted") / seconds,
            pages=_grown(begin, end, "http_server_request_duration_seconds_count") / seconds,
        )
        parts = {
            name: Used(
                part["pods"],
                max(0.0, part["cpu_seconds"] - begin["parts"][name]["cpu_seconds"]) / seconds,
                part["memory_bytes"],
            )
            for name, part in weighed.items()
        }
        found.append(StageSeen(run, begin["stage"], seconds, load, parts, end["kernel_bytes"]))
    return found


def _over_time(samples: Sequence[Mapping[str, Any]]) -> float:
    """The mean number of connections, each sample counting until the next."""
    area = sum(
        (_connections(one) + _connections(other)) / 2 * (other["at"] - one["at"]) for one, other in pairwise(samples)
    )
    passed = samples[-1]["at"] - samples[0]["at"]
    return area / passed if passed > 0 else _connections(samples[-1])


def _connections(sample: Mapping[str, Any]) -> float:
    return float(_metric(sample, "causerie_gateway_connections"))


def _grown(begin: Mapping[str, Any], end: Mapping[str, Any], name: str) -> float:
    return max(0.0, _metric(end, name) - _metric(begin, name))


def _metric(sample: Mapping[str, Any], name: str) -> float:
    return float(sum(part["metrics"].get(name, 0.0) for part in sample["parts"].values()))


def _disk_each(samples: Sequence[Mapping[str, Any]]) -> float | None:
    """Over the second half of the messages: tables and indexes begin with pages that are nearly empty."""
    seen = [sample for sample in samples if sample["parts"].get("postgres", {}).get("disk_bytes")]
    if not seen:
        return None
    name = "causerie_messages_accepted_total"
    half = (_metric(seen[0], name) + _metric(seen[-1], name)) / 2
    middle = next(sample for sample in seen if _metric(sample, name) >= half)
    messages = _grown(middle, seen[-1], name)
    grown = seen[-1]["parts"]["postgres"]["disk_bytes"] - middle["parts"]["postgres"]["disk_bytes"]
    return grown / messages if messages >= MIN_MESSAGES and grown > 0 else None


def _database(samples: Sequence[Mapping[str, Any]]) -> float | None:
    if len(samples) < 2:
        return None
    messages = _grown(samples[0], samples[-1], "causerie_messages_accepted_total")
    seconds = _grown(samples[0], samples[-1], "db_client_operation_duration_seconds_sum")
    return seconds / messages if messages else None
