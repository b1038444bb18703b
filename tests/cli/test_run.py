"""`causerie run`: one command brings everything up, and nothing of it stays when it ends, however it ends."""

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import causerie
from tests.cli.running import Run, a_run, all_gone
from tests.support.services import get
from tests.support.stores import temporary_home
from tests.support.waiting import eventually


@pytest.fixture
def directory() -> Iterator[Path]:
    with temporary_home() as home:
        yield home / "data"


def ask(url: str, token: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def a_token(directory: Path) -> str:
    ran = await causerie("token", "ann", "--data", directory)
    assert ran.status == 0, ran.err
    return ran.out.strip()


async def ready(run: Run, name: str) -> bool:
    answer = await get(run.facts["services"][name]["health_port"], "/ready")
    return answer is not None and answer.status == 200


async def test_one_command_brings_everything_up_and_ctrl_c_takes_it_down(directory):
    async with a_run(directory, "--api", "2", "--gateway", "2", "--worker", "2") as run:
        await run.says("causerie is ready")
        await run.says(f"http://localhost:{run.ports['api']}/demo/?name=ann")
        started = run.descendants()

        services = run.facts["services"]
        assert sorted(services) == ["api-1", "api-2", "gateway-1", "gateway-2", "worker-1", "worker-2"]
        assert (services["api-1"]["port"], services["gateway-1"]["port"]) == tuple(run.ports.values())
        for name in services:
            assert await ready(run, name), name
        examined = await causerie("doctor", "--data", directory)
        assert examined.status == 0, examined.out

        run.interrupt()
        assert await run.end() == 0
        await all_gone(started)
        assert not (directory / "instance.json").exists()


async def test_a_second_run_finds_the_conversations_and_believes_the_tokens(directory):
    async with a_run(directory) as run:
        await run.says("causerie is ready")
        token = await a_token(directory)
        made = ask(f"{run.api_url}/v1/conversations", token, {"type": "group", "name": "tea", "member_ids": ["ben"]})
        run.interrupt()
        await run.end()

    async with a_run(directory) as run:
        await run.says("causerie is ready")
        mine = ask(f"{run.api_url}/v1/conversations", token)
        assert [one["id"] for one in mine["items"]] == [made["id"]]
        run.interrupt()
        await run.end()


async def test_killing_the_launcher_leaves_nothing_behind(directory):
    async with a_run(directory) as run:
        await run.says("causerie is ready")
        started = run.descendants()
        assert len(started) >= 6

        run.process.kill()
        await run.process.wait()

        await all_gone(started)


async def test_a_service_and_a_store_that_crash_are_started_again_and_it_is_said(directory):
    async with a_run(directory) as run:
        await run.says("causerie is ready")

        run.child("services.worker").kill()
        await run.says("worker-1  | ended by itself (by SIGKILL); starting it again in 0.5 s")
        await eventually(lambda: ready(run, "worker-1"), timeout_seconds=30)

        run.child("nats-server").kill()
        await run.says("NATS ended by itself and was started again")
        assert await ready(run, "api-1")

        run.interrupt()
        assert await run.end() == 0


async def test_a_second_ctrl_c_does_not_wait_for_who_does_not_answer(directory):
    async with a_run(directory) as run:
        await run.says("causerie is ready")
        started = run.descendants()
        run.child("services.gateway").send_signal(signal.SIGSTOP)

        run.interrupt()
        await run.says("stopping; once more Ctrl-C hurries")
        began = time.monotonic()
        run.interrupt()

        assert await run.end() == 0
        assert time.monotonic() - began < 8
        await all_gone(started)


async def test_an_end_in_the_middle_of_the_start_leaves_nothing(directory):
    async with a_run(directory) as run:
        await run.says("starting the services")
        started = run.descendants()

        run.process.send_signal(signal.SIGTERM)

        assert await run.end() == 0
        await all_gone(started)


async def test_a_taken_port_is_said_before_anything_starts(directory):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        ran = await causerie("run", "--data", directory, "--port-api", str(taken))

    assert ran.status == 1
    assert ran.err == f"causerie: port {taken} is taken by another program; stop that or choose one with --port-api\n"
    assert not (directory / "postgres").exists()


async def test_two_runs_never_share_a_data_directory(directory):
    async with a_run(directory, "--api", "0", "--gateway", "0", "--worker", "0") as run:
        await run.says("causerie is ready")

        other = await causerie("run", "--data", directory)
        assert other.status == 1
        assert other.err == f"causerie: {directory} is in use by another causerie (pid {run.process.pid})\n"

        run.interrupt()
        assert await run.end() == 0


async def test_a_misspelt_setting_stops_the_start(directory):
    ran = await causerie("run", "--data", directory, CAUSERIE_DRAIN_SECOND="3")

    assert ran.status == 1
    assert ran.err == "causerie: unknown setting CAUSERIE_DRAIN_SECOND; did you mean CAUSERIE_DRAIN_SECONDS?\n"
