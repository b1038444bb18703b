"""Pods whose clocks are an hour off, in front of one PostgreSQL whose clock is the platform's."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.protocol.close_codes import CloseCode
from causerie.store import Store, migrate
from causerie.store.clock import Clock
from tests.gateway.client import Client, token_of
from tests.poison.lab import number
from tests.support.faketime import shifted
from tests.support.relay import relay_to
from tests.support.services import Service, Services
from tests.support.stores import running
from tests.support.waiting import eventually

HOUR = 3600.0
CLOSE_SECONDS = 5.0
"""What the platform's time may differ from ours in a test."""


@dataclass
class Pods:
    right: Service
    fast: Service
    slow: Service
    http: httpx.AsyncClient

    @property
    def apis(self) -> list[Service]:
        return [self.right, self.fast, self.slow]

    async def call(self, pod: Service, method: str, path: str, *, token: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        return await self.http.request(method, pod.url + path, headers=headers, **options)

    async def group(self, *users: str) -> str:
        body = {"type": "group", "member_ids": users[1:]}
        answer = await self.call(self.right, "POST", "/v1/conversations", token=token_of(users[0]), json=body)
        return str(answer.json()["id"])

    async def post(self, pod: Service, user: str, group: str, content: str, **fields: Any) -> httpx.Response:
        path = f"/v1/conversations/{group}/messages"
        return await self.call(pod, "POST", path, token=token_of(user), json={"content": content} | fields)


@pytest.fixture
async def pods(services: Services) -> AsyncIterator[Pods]:
    right, fast, slow = await asyncio.gather(
        services.start("api"),
        services.start("api", **shifted(HOUR)),
        services.start("api", **shifted(-HOUR)),
    )
    async with httpx.AsyncClient(timeout=10) as http:
        yield Pods(right, fast, slow, http)


async def test_wrong_clocks_change_nothing_that_clients_see(pods: Pods) -> None:
    for pod, skew in ((pods.right, 0.0), (pods.fast, HOUR), (pods.slow, -HOUR)):
        assert abs(number(await pod.metrics(), "causerie_clock_skew_seconds") - skew) < CLOSE_SECONDS, "no fault"
        assert ("this machine's clock and PostgreSQL's differ" in pod.log_text()) is (skew != 0.0)

    # Ids, times and order.
    group = await pods.group("ann", "ben")
    answers = [await pods.post(pods.apis[turn % 3], "ann", group, f"text {turn}") for turn in range(30)]
    messages = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [201] * 30
    assert [message["seq"] for message in messages] == list(range(2, 32))
    times = [moment(message["created_at"]) for message in messages]
    assert times == sorted(times)
    assert all(abs(at - time.time()) < 60 for at in times)
    assert [UUID(message["id"]) for message in messages] == sorted(UUID(message["id"]) for message in messages)
    assert all(abs((UUID(m["id"]).int >> 80) / 1000 - at) < 0.002 for m, at in zip(messages, times, strict=True))

    # Idempotency keys, from whichever pod.
    for first, second in ((pods.fast, pods.slow), (pods.slow, pods.right), (pods.right, pods.fast)):
        key = f"key-{first.port}"
        sent = await pods.post(first, "ann", group, "once", client_id=key)
        again = await pods.post(second, "ann", group, "once", client_id=key)
        other = await pods.post(second, "ann", group, "another", client_id=key)
        assert (sent.status_code, again.status_code, other.status_code) == (201, 200, 409)
        assert again.json()["id"] == sent.json()["id"]

    # Edits go by version, not by time; history and sync give the same from all, and cursors of one serve at the other.
    last = messages[-1]
    for version, pod in enumerate(pods.apis, start=1):
        body = {"content": f"edit {version}", "version": version}
        edited = await pods.call(pod, "PUT", f"/v1/messages/{last['id']}", token=token_of("ann"), json=body)
        assert edited.status_code == 200
        assert moment(edited.json()["edited_at"]) >= times[-1]
    histories = [
        await pods.call(pod, "GET", f"/v1/conversations/{group}/messages", token=token_of("ben")) for pod in pods.apis
    ]
    assert histories[0].json() == histories[1].json() == histories[2].json()
    start = await pods.call(pods.fast, "GET", "/v1/sync", token=token_of("ben"))
    await pods.post(pods.slow, "ann", group, "after the cursor")
    page = await pods.call(
        pods.slow, "GET", "/v1/sync", token=token_of("ben"), params={"cursor": start.json()["next_cursor"]}
    )
    assert page.json()["recovered"]
    assert [event["data"]["content"] for event in page.json()["events"]] == ["after the cursor"]


async def test_tokens_and_tickets_mean_the_same_to_every_pod(pods: Pods, services: Services) -> None:
    gateways = await asyncio.gather(*(services.start("gateway", **shifted(skew)) for skew in (HOUR, -HOUR)))
    good, late = token_of("ann", ttl_seconds=600), token_of("ann", ttl_seconds=-600)

    for pod in pods.apis:
        assert (await pods.call(pod, "GET", "/v1/unread", token=good)).status_code == 200
        assert (await pods.call(pod, "GET", "/v1/unread", token=late)).status_code == 401
    for gateway in gateways:
        async with connect(gateway.ws_url + "/ws", additional_headers={"Authorization": f"Bearer {good}"}) as socket:
            client = Client(socket)
            await client.event("welcome")
            assert (await client.do("refresh", token=token_of("ann", ttl_seconds=1200)))["expires_at"]
            assert await client.fail("refresh", token=late) == "unauthenticated"
            await client.do("ping")
        async with connect(gateway.ws_url + "/ws", additional_headers={"Authorization": f"Bearer {late}"}) as socket:
            assert await Client(socket).closed() == 4001
        for pod in pods.apis:
            await eventually(partial(comes_in_by_ticket, pods, pod, gateway, good))


async def comes_in_by_ticket(pods: Pods, pod: Service, gateway: Service, token: str) -> bool:
    """Not while Redis takes more than the quarter of a second that either waits for it."""
    bought = await pods.call(pod, "POST", "/v1/tickets", token=token)
    if bought.status_code == 503:
        return False
    assert abs(moment(bought.json()["expires_at"]) - time.time() - 30) < CLOSE_SECONDS
    async with connect(f"{gateway.ws_url}/ws?ticket={bought.json()['ticket']}") as socket:
        try:
            await Client(socket).event("welcome")
        except ConnectionClosed:
            assert socket.close_code == CloseCode.OVERLOAD
            return False
    return True


@pytest.fixture
def fast_postgres_url(stores_home: Path) -> Iterator[str]:
    server = Postgres(stores_home, Ports(stores_home / "fast.ports"), name="fast")
    server.under = ["/usr/bin/env", *(f"{name}={value}" for name, value in shifted(HOUR).items())]
    with running(server):
        yield server.url


async def test_the_first_answer_sets_a_wrong_clock_right_however_slow_it_is(fast_postgres_url: str) -> None:
    await migrate.up(fast_postgres_url)
    async with relay_to(fast_postgres_url) as relay:
        store = await Store.connect(relay.url, announce=lambda events: None)
        clock = Clock()
        relay.freeze()
        asyncio.get_running_loop().call_later(1.0, relay.thaw)

        await clock.look(store)

        assert abs(clock() - time.time() - HOUR) < CLOSE_SECONDS
        await store.close()


async def test_a_session_ends_with_its_token_by_the_platforms_time(services: Services) -> None:
    gateways = await asyncio.gather(
        *(services.start("gateway", CAUSERIE_JWT_LEEWAY_SECONDS="1", **shifted(skew)) for skew in (HOUR, -HOUR))
    )

    async def ended(gateway: Service) -> None:
        began = time.monotonic()
        token = token_of("ann", ttl_seconds=3)
        async with connect(gateway.ws_url + "/ws", additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            assert await Client(socket).closed() == 4001
        assert 1.0 < time.monotonic() - began < 3.0 + CLOSE_SECONDS

    await asyncio.gather(*(ended(gateway) for gateway in gateways))


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
