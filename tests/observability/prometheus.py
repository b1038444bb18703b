"""Debian's Prometheus as a process of a test: it scrapes what it is given, judges rules, and answers queries."""

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from tests.journeys.fleet import SERVICES
from tests.support.services import Service, get

START_SECONDS = 30.0
QUERY_SECONDS = 20.0
SCRAPE = "1s"
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Series:
    """One curve of an answer: what tells it apart, and its values by time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Firing:
    """One alert that fires now."""

    name: str
    severity: str
    says: str


class Prometheus:
    """Give it services to `scrape`, then ask. Its data lies in `home`."""

    def __init__(self, home: Path, rules: Iterable[Path] = ()) -> None:
        self.port = free_port()
        self._targets = home / "targets.json"
        self._targets.write_text("[]")
        configuration = {
            "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
            "rule_files": [str(rule) for rule in rules],
            "scrape_configs": [
                {"job_name": "causerie", "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}]}
            ],
        }
        (home / "prometheus.yml").write_text(json.dumps(configuration))
        self._process = Process(
            "prometheus",
            [
                program("prometheus"),
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            record=home / "prometheus.pid",
            log=home / "prometheus.log",
            ladder=[(signal.SIGTERM, 10.0)],
            when_orphaned=signal.SIGKILL,
        )

    async def start(self) -> None:
        self._process.start()
        await self._process.until(self._is_ready, timeout_seconds=START_SECONDS)

    async def stop(self) -> None:
        await self._process.stop()

    async def _is_ready(self) -> bool:
        answer = await get(self.port, "/-/ready")
        return answer is not None and answer.status == 200

    def scrape(self, services: Collection[Service]) -> None:
        """Scrape these from now on, labelled as the chart's PodMonitor labels them."""
        targets = [
            {
                "targets": [f"127.0.0.1:{service.health_port}"],
                "labels": {"causerie_service": service.name, "instance": f"{service.name}-{number}"},
            }
            for name in (*SERVICES, "canary")
            for number, service in enumerate((one for one in services if one.name == name), start=1)
        ]
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps(targets))
        written.replace(self._targets)

    async def query(self, expr: str) -> list[Series]:
        """What is true now; an error of PromQL is an AssertionError."""
        data = await self._ask("/query", {"query": expr})
        if data["resultType"] == "scalar":
            return [Series({}, (_point(data["result"]),))]
        return [Series(one["metric"], (_point(one["value"]),)) for one in data["result"]]

    async def query_range(self, expr: str, *, since: float, until: float, step_seconds: float) -> list[Series]:
        """What was true meanwhile, in Unix time; equal spans have equal points in time."""
        span = {"start": f"{since:.3f}", "end": f"{until:.3f}", "step": f"{step_seconds:g}"}
        data = await self._ask("/query_range", {"query": expr, **span})
        return [Series(one["metric"], tuple(map(_point, one["values"]))) for one in data["result"]]

    async def not_scraped(self) -> list[str]:
        """Targets that did not answer last time, and why not."""
        data = await self._ask("/targets", {"state": "active"})
        return [
            f"{target['labels']['instance']}: {target['health']} {target['lastError']}"
            for target in data["activeTargets"]
            if target["health"] != "up"
        ]

    async def firing(self) -> list[Firing]:
        data = await self._ask("/alerts", {})
        return [
            Firing(one["labels"]["alertname"], one["labels"]["severity"], " ".join(one["annotations"].values()))
            for one in data["alerts"]
            if one["state"] == "firing"
        ]

    async def failing_rules(self) -> list[str]:
        """Rules whose last evaluation failed, and why."""
        data = await self._ask("/rules", {})
        rules = [rule for group in data["groups"] for rule in group["rules"]]
        return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] == "err"]

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1{path}?{urlencode(parameters)}"
        body = await asyncio.to_thread(_get_json, url)
        assert body["status"] == "success", f"{parameters}: {body.get('error')}"
        return body["data"]


def promtool(*arguments: str) -> str:
    """Run promtool; what it says when it fails is the assertion's text."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not here: apt-get install prometheus"
    return found


def _get_json(url: str) -> Any:
    try:
        with _opener.open(url, timeout=QUERY_SECONDS) as answer:
            return json.load(answer)
    except HTTPError as refused:
        return json.load(refused)


def _point(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
