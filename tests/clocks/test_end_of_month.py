"""A PostgreSQL whose clock passes the end of the month while messages flow, with the next partition there and not."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from causerie import tokens
from causerie.domain.ids import ConversationId, UserId
from causerie.embedded import Nats, Postgres
from causerie.embedded.ports import Ports
from causerie.store import migrate, partitions
from tests.conftest import JWT_SECRET, on_stores
from tests.poison.lab import rows
from tests.support.faketime import shifted
from tests.support.services import Service, Services
from tests.support.stores import execute, running
from tests.support.waiting import eventually
from tests.worker.people import Ears, Town

AHEAD_SECONDS = 4.0
"""How long before midnight PostgreSQL is there again."""
AFTER_SECONDS = 2.0
PAUSE_SECONDS = 0.05
DAYS = 40


@pytest.fixture
def two_nats(stores_home: Path, nats_url: str) -> Iterator[list[str]]:
    """One for each platform: they must not hear each other."""
    server = Nats(stores_home, Ports(stores_home / "clocks-nats.ports"), name="other-nats")
    with running(server):
        yield [nats_url, server.url]


@pytest.fixture
def late_postgres(stores_home: Path) -> Iterator[Postgres]:
    """A PostgreSQL of our own, to be started at whatever time."""
    server = Postgres(stores_home, Ports(stores_home / "clocks.ports"), name="late")
    yield server
    asyncio.run(server.stop())


async def test_messages_flow_over_the_end_of_a_month(
    late_postgres: Postgres, redis_url: str, two_nats: list[str], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    midnight = (now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
    # Everything is made ready an hour before, then the server comes back some seconds before.
    await start(late_postgres, midnight - timedelta(hours=1))
    talks: list[Talk] = []
    async with AsyncExitStack() as stack:
        for months_ahead, nats_url in zip((1, 0), two_nats, strict=True):
            url = await a_database(late_postgres, f"months_{months_ahead}", months_ahead)
            town = await Town.build(url, redis_url, nats_url)
            stack.push_async_callback(town.close)
            environment = {
                **on_stores(url, redis_url, nats_url),
                "CAUSERIE_SENDS_PER_SECOND": "1000",
                "CAUSERIE_REQUESTS_PER_SECOND": "1000",
            }
            services = stack.enter_context(Services(environment, tmp_path))
            api = await services.start("api", **shifted((midnight - datetime.now(UTC)).total_seconds() - 3600))
            talks.append(await Talk.begin(town, api, url, months_ahead, await stack.enter_async_context(http_client())))
        await late_postgres.stop()
        await start(late_postgres, midnight - timedelta(seconds=AHEAD_SECONDS))
        await asyncio.gather(*(talk.until_after(midnight) for talk in talks))
        for talk in talks:
            await talk.is_whole(midnight)

        present, absent = talks
        assert await in_default(present.url) == 0
        assert await in_default(absent.url) > 0
        assert ensure(absent.url)
        await absent.say_more(20)
        assert await in_default(absent.url) == 0
        await absent.is_whole(midnight)


class Talk:
    """Ann talking to Ben by REST, and Ben listening on a node."""

    def __init__(self, town: Town, api: Service, url: str, http: httpx.AsyncClient, reader: str) -> None:
        self.url = url
        self._reader = reader
        self._town, self._api, self._http = town, api, http
        self._ears: Ears
        self._group: ConversationId
        self._sent: list[dict[str, Any]] = []
        self._headers = {
            "Authorization": f"Bearer {tokens.issue(JWT_SECRET, UserId('ann'), ttl_seconds=DAYS * 86_400)}"
        }

    @classmethod
    async def begin(cls, town: Town, api: Service, url: str, number: int, http: httpx.AsyncClient) -> "Talk":
        talk = cls(town, api, url, http, f"ben-{number}")
        await town.worker()
        talk._ears = await town.node(talk._reader)
        talk._group = await town.open("group", "ann", talk._reader)
        # However long PostgreSQL takes to come back, one message is from before midnight.
        await talk.say_more(1)
        return talk

    async def until_after(self, midnight: datetime) -> None:
        """Talk until it has been midnight for a while; only while PostgreSQL starts may a send have to be repeated."""
        deadline = time.monotonic() + AHEAD_SECONDS + 30
        await eventually(self._is_back, timeout_seconds=10)
        while moment(self._sent[-1]) < midnight + timedelta(seconds=AFTER_SECONDS):
            assert time.monotonic() < deadline, "midnight does not come"
            await self.say_more(1)
            await asyncio.sleep(PAUSE_SECONDS)

    async def say_more(self, count: int) -> None:
        for _ in range(count):
            body = {"content": f"text {len(self._sent)}", "client_id": f"key-{len(self._sent)}"}
            answer = await self._http.post(self._path, json=body, headers=self._headers)
            assert answer.status_code == 201, answer.text
            self._sent.append(answer.json())

    async def is_whole(self, midnight: datetime) -> None:
        """No hole, both months, the same to whoever pushes, pages, syncs or reads the log."""
        everything = list(range(2, len(self._sent) + 2))
        assert [message["seq"] for message in self._sent] == everything
        times = [moment(message) for message in self._sent]
        assert times == sorted(times)
        assert times[0] < midnight <= times[-1], "the border was not crossed"
        await eventually(lambda: self._ears.heard(self._reader, self._group) == [1, *everything])
        for page in (7, 100):
            assert await self._history(page) == everything[::-1]
        log = [event["seq"] for event in await self._log()]
        assert log == [1, *everything]
        again = {"content": "text 0", "client_id": "key-0"}
        repeated = await self._http.post(self._path, json=again, headers=self._headers)
        assert (repeated.status_code, repeated.json()["id"]) == (200, self._sent[0]["id"])

    async def _is_back(self) -> bool:
        """PostgreSQL is there, and the API knows it: what it would refuse now it refuses for no other reason."""
        answer = await self._http.get(self._path, headers=self._headers)
        return answer.status_code == 200

    async def _history(self, limit: int) -> list[int]:
        seqs: list[int] = []
        params: dict[str, Any] = {"limit": limit}
        while True:
            answer = await self._http.get(self._path, headers=self._headers, params=params)
            assert answer.status_code == 200, answer.text
            seqs += [message["seq"] for message in answer.json()["items"]]
            if answer.json()["next_cursor"] is None:
                return seqs
            params = {"limit": limit, "cursor": answer.json()["next_cursor"]}

    async def _log(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while True:
            path = f"{self._api.url}/v1/conversations/{self._group}/events"
            params = {"after_seq": events[-1]["seq"] if events else 0}
            page = (await self._http.get(path, headers=self._headers, params=params)).json()
            assert page["recovered"]
            events += page["events"]
            if not page["has_more"]:
                return events

    @property
    def _path(self) -> str:
        return f"{self._api.url}/v1/conversations/{self._group}/messages"


def http_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=10)


def moment(message: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(message["created_at"])


async def start(server: Postgres, at: datetime) -> None:
    """Start it believing that it is `at`. Set for the server alone: what is shared of a time belongs to one user."""
    shift = shifted((at - datetime.now(UTC)).total_seconds())
    server.under = ["/usr/bin/env", *(f"{name}={value}" for name, value in shift.items())]
    await server.start()


async def a_database(server: Postgres, name: str, months_ahead: int) -> str:
    url = server.url
    await execute(url, f"CREATE DATABASE {name}")
    own = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    await migrate.up(own)
    await partitions.ensure(own, months_ahead=months_ahead)
    return own


async def in_default(url: str) -> int:
    [found] = await rows(
        url, "SELECT (SELECT count(*) FROM messages_default) + (SELECT count(*) FROM events_default) AS count"
    )
    return int(found["count"])


def ensure(url: str) -> bool:
    """What the daily job runs."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    command = [sys.executable, "-m", "causerie", "partitions", "ensure"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return True
