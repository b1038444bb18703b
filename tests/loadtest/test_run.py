"""A small load test from its command line to its verdict: a platform of its own, Locust, swarms, reports."""

import asyncio
import csv
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from causerie.embedded.ports import free_port
from tests.conftest import JWT_SECRET
from tests.support.services import Services, get
from tests.support.waiting import eventually

LIMIT_SECONDS = 120.0


async def start(
    *arguments: str, module: str = "loadtest", environment: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )


async def said(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Its status and all it wrote."""
    async with asyncio.timeout(LIMIT_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def small(*more: str) -> list[str]:
    return ["--connections", "50", "--batch", "20", "--arrivals", "100", "--talk", "10", "--stretch", "0.1", *more]


@pytest.fixture
def stores(database_url: str, redis_url: str, nats_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "NATS_URL": nats_url}


async def test_a_run_that_is_cut_off_and_comes_back_passes_with_nothing_lost_and_leaves_its_reports(
    stores: dict[str, str], tmp_path: Path
):
    options = small("--scenario", "reconnect-storm", "--return-window", "1", "--gateways", "2", "--out", str(tmp_path))
    # A test may share its machine with many; how fast it is, is for a machine of its own.
    options += [word for name in ("connect", "ack", "delivered", "resume") for word in (f"--max-p99-{name}", "60000")]

    status, output = await said(await start(*options, environment=stores))

    assert status == 0, output
    assert "PASSED: reconnect-storm" in output
    record = json.loads((tmp_path / "record.json").read_text())
    totals = record["totals"]
    assert record["lost"] == 0
    assert (totals["connect"]["count"], totals["resume"]["count"]) == (50, 50)
    assert totals["send→delivered"]["count"] >= 2 * totals["send→ack"]["count"] > 0
    assert {part for sample in record["samples"] for part in sample["parts"]} >= {"gateway", "api", "worker"}
    last = record["samples"][-1]["parts"]["gateway"]
    assert last["pods"] == 2 and last["cpu_seconds"] > 0 and last["memory_bytes"] > 1024**2
    # What the gateways had sent before all was quiet has come by the last report, to some after `sync` had brought it.
    quiet = next(sample["parts"]["gateway"] for sample in record["samples"] if sample["stage"] == "quiet")
    came = re.search(r"(\d+) events delivered, 0 lost, (\d+) twice", output)
    assert came is not None
    assert 0 < quiet["metrics"]["causerie_gateway_deliveries_total"] <= sum(map(int, came.groups()))
    assert "send\\u2192delivered" in (tmp_path / "report.html").read_text()
    rows = {row["Name"]: row for row in csv.DictReader((tmp_path / "stats_stats.csv").open())}
    assert int(rows["connect"]["Request Count"]) == 50
    assert int(rows["send→ack"]["Request Count"]) == totals["send→ack"]["count"]


async def test_swarms_from_other_machines_make_one_run_which_locusts_page_shows_and_a_broken_threshold_fails(
    services: Services, tmp_path: Path
):
    gateway, api, _ = [await services.start(name) for name in ("gateway", "api", "worker")]
    page, meeting = free_port(), f"127.0.0.1:{free_port()}"
    options = small(
        "--max-p99-ack", "0", "--web", str(page), "--out", str(tmp_path), "--meet", meeting, "--swarms", "2"
    )
    options += ["--gateway", gateway.ws_url, "--api", api.url]
    secret, wrong = ({"CAUSERIE_JWT_SECRET": text} for text in (JWT_SECRET, "of-somebody-else-and-long-enough-to-be"))

    process = await start(*options, environment=secret)
    try:
        stranger = await start(meeting, module="loadtest.swarm", environment=wrong)
        assert await said(stranger) == (1, "loadtest.swarm: whoever waits there does not hold the platform's secret\n")
        swarms = [await start(meeting, module="loadtest.swarm", environment=secret) for _ in range(2)]

        async def is_over() -> bool:
            answer = await get(page, "/stats/requests")
            shown = json.loads(answer.body) if answer is not None and answer.status == 200 else {}
            names = {row["name"] for row in shown.get("stats", [])}
            return shown.get("state") == "stopped" and {"connect", "send→ack", "send→delivered"} <= names

        await eventually(is_over, timeout_seconds=LIMIT_SECONDS)
        shown = await get(page, "/")
        assert shown is not None and b"Locust" in shown.body
    finally:
        process.send_signal(signal.SIGINT)
    status, output = await said(process)

    assert status == 1, output
    assert "BROKEN  send→ack p99" in output and "FAILED: chat" in output
    assert [await said(swarm) for swarm in swarms] == [(0, "")] * 2
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["lost"], record["totals"]["connect"]["count"]) == (0, 50)
    assert record["totals"]["send→delivered"]["longest_ms"] < LIMIT_SECONDS * 1000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario", "party"], "there is no scenario 'party'; there are: chat, "),
        (["--dialect", "morse"], "there is no dialect 'morse'; there are: native"),
        (["--connections", "100001"], "--connections is 100,001; it must be from 2 to 100,000"),
        (["--connections", "20000", "--swarms", "1"], "--swarms 1 hold 15,000 connections at most, not 20,000"),
        (["--gateway", "ws://127.0.0.1:1"], "say where the platform is with --gateway ws://HOST:PORT and --api"),
        (["--gateway", "127.0.0.1:1", "--api", "http://127.0.0.1:1"], "'127.0.0.1:1' is no address of the form ws://"),
        (["--gateways", "0"], "--gateways is 0; it must be from 1 to 64"),
        (["--meet", ":5557"], "--meet is for a platform that runs already"),
    ],
)
async def test_what_cannot_be_is_said_in_a_line_before_anything_starts(arguments: list[str], told: str, tmp_path: Path):
    status, output = await said(await start(*arguments, "--out", str(tmp_path)))

    assert status == 2
    assert told in output
    assert "Traceback" not in output
