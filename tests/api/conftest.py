"""The API as a process over the real stores, and people who talk to it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie import tokens
from causerie.domain.ids import UserId
from tests.conftest import JWT_SECRET, on_stores
from tests.support import stores
from tests.support.services import Service, Services
from tests.support.waiting import eventually

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api_database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with stores.database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def api_environment(api_database_url: str, valkey_server: str, nats_server: str) -> dict[str, str]:
    return on_stores(api_database_url, valkey_server, nats_server)


@pytest.fixture(scope="session")
def api_services(api_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Starts API processes that live as long as the tests do."""
    directory: Path = tmp_path_factory.mktemp("api")
    with Services(api_environment, directory) as started:
        yield started


@pytest.fixture(scope="session")
def api(api_services: Services) -> Service:
    """One API for all tests, which do not mind each other's people."""
    return asyncio.run(api_services.start("api"))


class Person:
    """Somebody with a token, whose id nobody else has: `await ann.post("/v1/conversations", {…})`."""

    def __init__(self, id: str, url: str, /, **token: Any) -> None:
        self.id = id
        self.token = tokens.issue(JWT_SECRET, UserId(id), **({"ttl_seconds": 600} | token))
        self.http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {self.token}"}, timeout=10)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers=_named(headers))

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.http.put(path, json=body)

    async def patch(self, path: str, body: Any) -> httpx.Response:
        return await self.http.patch(path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path)

    async def opens(self, type: str, *others: "Person", **more: Any) -> str:
        """Open a conversation and answer its id."""
        body = {"type": type, "member_ids": [other.id for other in others], **more}
        answer = await self.post("/v1/conversations", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def says(self, conversation_id: str, content: str, **more: Any) -> dict[str, Any]:
        """Send a message and answer it."""
        answer = await self.post(f"/v1/conversations/{conversation_id}/messages", {"content": content, **more})
        assert answer.status_code == 201, answer.text
        message: dict[str, Any] = answer.json()
        return message


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


People = Callable[..., Person]


@pytest.fixture
async def people(api: Service) -> AsyncIterator[People]:
    """Makes people: `ann = people("ann")` has an id like `ann-7` that no other test uses."""
    made: list[Person] = []

    def make(name: str, /, *, url: str = api.url, **token: Any) -> Person:
        person = Person(f"{name}-{next(_numbers)}", url, **token)
        made.append(person)
        return person

    yield make
    for person in made:
        await person.http.aclose()


@pytest.fixture
def ann(people: People) -> Person:
    return people("ann")


@pytest.fixture
def ben(people: People) -> Person:
    return people("ben")


@pytest.fixture
def cas(people: People) -> Person:
    return people("cas")


async def answered(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """What one is told once Redis, which is given a quarter of a second, was not too slow for it."""

    async def asked() -> httpx.Response | None:
        answer = await ask()
        return None if answer.status_code == 503 else answer

    return await eventually(asked, what="Redis is quick enough")
