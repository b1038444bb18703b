"""The image as it runs in a pod: the services against real stores, from the schema to the last farewell."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from tests.conftest import on_stores
from tests.gateway.client import Client, token_of
from tests.image.containers import Containers, Running
from tests.support import stores

SERVICES = ("api", "gateway", "worker")
RESTART = 1012
WRITES = """
for folder in / /etc /opt/causerie /run /tmp /usr/local /var/tmp; do touch $folder/x 2>/dev/null && echo $folder; done
grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status
"""
SMALL = ("--connections=40", "--stretch=0.1", "--talk=5", *(f"--max-p99-{what}=60000" for what in ("ack", "delivered")))
"""Seconds, and no word on how fast: this machine does other things."""
NOBODY_KNOWN = "--user=1000740000:0"
"""Some platforms give each namespace a user of its own, and the group of root."""


@pytest.fixture(scope="module")
def operator(postgres_server: str, valkey_server: str, nats_server: str) -> Iterator[dict[str, str]]:
    """What the pods of this platform are told; its database is empty."""
    with stores.database(postgres_server) as url:
        yield {**on_stores(url, valkey_server, nats_server), "CAUSERIE_DRAIN_SECONDS": "2"}


@pytest.fixture(scope="module")
def schema(containers: Containers, image: str, operator: dict[str, str]) -> list[str]:
    """What the jobs of an install say."""
    said = []
    for command in (("migrate", "up"), ("partitions", "ensure"), ("migrate", "status"), ("partitions", "check")):
        ran = containers.run(image, *command, environment=operator)
        assert ran.status == 0, (command, ran.err)
        said.append(ran.out)
    return said


@pytest.fixture(params=SERVICES)
def service(
    request: pytest.FixtureRequest, containers: Containers, image: str, operator: dict[str, str], schema: list[str]
) -> Iterator[Running]:
    with containers.running(image, request.param, operator) as one:
        yield one


@pytest.mark.parametrize("who", [(), (NOBODY_KNOWN,)], ids=["as itself", "as somebody the image does not know"])
def test_the_commands_answer(containers: Containers, image: str, who: tuple[str, ...]) -> None:
    version = containers.run(image, "--version", options=who)
    usage = containers.run(image, options=who)

    assert (version.status, version.out.split()[0]) == (0, "causerie")
    assert (usage.status, "Realtime messaging" in usage.out) == (0, True)


def test_it_may_write_to_tmp_and_nowhere_else_and_has_no_privilege(containers: Containers, image: str) -> None:
    ran = containers.run(image, "-c", WRITES, options=("--entrypoint=sh",))

    assert ran.out.split() == ["/tmp", "CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1"]


def test_the_jobs_bring_up_a_schema_from_the_image_alone(schema: list[str]) -> None:
    assert all(schema)


async def test_each_service_gets_ready_and_ends_in_peace(service: Running) -> None:
    await service.ready()
    healthy = service.execute("causerie", "check", "ready")

    assert await service.stop() == 0, service.log_text()
    assert (healthy.status, healthy.out.strip()) == (0, f"ready on port {service.health_port}")
    for line in service.log_text().splitlines():
        json.loads(line)


@asynccontextmanager
async def platform(containers: Containers, image: str, operator: dict[str, str]) -> AsyncIterator[dict[str, Running]]:
    """All services, each in a container of its own, ready."""
    with ExitStack() as all_of_them:
        running = {name: all_of_them.enter_context(containers.running(image, name, operator)) for name in SERVICES}
        for each in running.values():
            await each.ready()
        yield running


async def test_a_message_goes_from_socket_to_socket_and_a_drain_says_when_to_come_back(
    containers: Containers, image: str, operator: dict[str, str], schema: list[str]
) -> None:
    async with platform(containers, image, operator) as running:
        gateway, api = running["gateway"], running["api"]
        ran = containers.run(image, "check", "websocket", gateway.ws_url, api.url, environment=operator)
        assert ran.status == 0, ran.err

        async with connect(
            f"{gateway.ws_url}/ws", additional_headers={"Authorization": f"Bearer {token_of('ann')}"}
        ) as socket:
            client = Client(socket)
            await client.do("ping")
            status = await gateway.stop()
            code = await client.closed()

        assert (status, code) == (0, RESTART), gateway.log_text()
        told = client.frames[-1]
        assert (told["event"], told["data"]["reconnect"]) == ("disconnect", True)


async def test_the_load_test_s_image_drives_those_services_and_loses_nothing(
    containers: Containers, image: str, loadtest_image: str, operator: dict[str, str], schema: list[str]
) -> None:
    async with platform(containers, image, operator) as running:
        where = (f"--gateway={running['gateway'].ws_url}", f"--api={running['api'].url}", "--out=/tmp/results")

        ran = containers.run(loadtest_image, *where, *SMALL, environment=operator)

    assert ran.status == 0, ran.out + ran.err
    assert re.search(r"40 connections, [1-9]\d* events delivered, 0 lost", ran.out), ran.out


def test_the_health_check_of_the_image_is_one_that_it_has(containers: Containers, image: str) -> None:
    known = containers.inspect(image)
    check = (known["Config"].get("Healthcheck") or known["Healthcheck"])["Test"]

    ran = containers.run(image, *check[2:], "--help")

    assert check[:2] == ["CMD", "causerie"]
    assert (ran.status, "its health port" in ran.out) == (0, True)
