"""The matrix of `matrix.py`, tried cell by cell: what a new operation lets whom do is decided there or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from causerie.embedded import Valkey
from causerie.protocol import native_ops
from tests.security.house import House
from tests.security.http import client_of
from tests.security.matrix import ARGUMENTS, BODIES, NEEDS_REDIS, OPS, QUERIES, REST, WHO, Row
from tests.security.stage import SECRET, Stage, a_stage, credentials, token_for
from tests.support.services import Service, Services
from tests.support.waiting import eventually

OUTSIDERS = {"nobody", "forger", "stranger", "former", "scope"}


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(house.api.url, timeout=10) as client:
        yield client


async def test_every_operation_has_its_row(http: httpx.AsyncClient):
    document = (await http.get("/openapi.json")).json()
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}

    assert operations == {row.what for row in REST}


@pytest.fixture(scope="module")
def untouched(house: House) -> dict[str, Stage]:
    """A stage of each type for all attempts that change nothing."""

    async def make() -> dict[str, Stage]:
        async with client_of(house.api.url, timeout=10) as client:
            return {type: await a_stage(client, type) for type in ("group", "channel")}

    return asyncio.run(make())


def changes_something(row: Row, expected: str) -> bool:
    if row in OPS:
        return expected == "ok" and row.what in ("send", "read", "mark_unread", "delete")
    return expected.startswith("2") and not row.what.startswith("GET ") and "{" in row.what


async def stages(http: httpx.AsyncClient, untouched: dict[str, Stage], row: Row, type: str) -> list[Stage]:
    """One for each of `WHO`."""
    outcomes = getattr(row, type)
    own = await asyncio.gather(*(a_stage(http, type) for outcome in outcomes if changes_something(row, outcome)))
    return [own.pop() if changes_something(row, outcome) else untouched[type] for outcome in outcomes]


async def attempt(http: httpx.AsyncClient, row: Row, type: str, who: str, stage: Stage) -> str:
    """The status somebody gets; an outsider of a group never sees what was said in it."""
    method, _, template = row.what.partition(" ")
    path = f"{template.format(**vars(stage))}?{QUERIES.get(row.what, '')}"
    answer = await http.request(method, path, json=BODIES.get(row.what), headers=credentials(who))
    if type == "group" and who in OUTSIDERS:
        assert SECRET + type not in answer.text
        assert answer.status_code != 404 or stage.conversation_id not in answer.text
    return str(answer.status_code)


async def answered(http: httpx.AsyncClient, row: Row, type: str, who: str, stage: Stage) -> str:
    """As `attempt`; what needs Redis is asked again while that is not quick enough, which says nothing of who may."""

    async def asked() -> str | None:
        status = await attempt(http, row, type, who, stage)
        return None if status == "503" and row.what in NEEDS_REDIS else status

    return await eventually(asked, what=f"Redis is quick enough for {row}")


@pytest.mark.parametrize("type", ["group", "channel"])
@pytest.mark.parametrize("row", REST, ids=str)
async def test_everybody_may_do_what_the_matrix_says_and_no_more(
    http: httpx.AsyncClient, untouched: dict[str, Stage], row: Row, type: str
):
    made = await stages(http, untouched, row, type)

    statuses = await asyncio.gather(*(answered(http, row, type, *who) for who in zip(WHO, made, strict=True)))

    assert dict(zip(WHO, statuses, strict=True)) == dict(zip(WHO, getattr(row, type), strict=True))


def test_every_op_has_its_row():
    assert {row.what for row in OPS} == native_ops.NAMES


def arguments(row: Row, stage: Stage, who: str) -> dict[str, Any]:
    known = {**vars(stage), "token": token_for("visitor" if who == "nobody" else who)}
    given = ARGUMENTS.get(row.what, {})
    return {name: value.format(**known) if isinstance(value, str) else value for name, value in given.items()}


async def attempt_op(gateway: Service, row: Row, type: str, who: str, stage: Stage) -> str:
    """`ok`, the code of the refusal, or that of the close."""
    async with connect(f"{gateway.ws_url}/ws", compression=None, additional_headers=credentials(who)) as socket:
        try:
            await socket.send(json.dumps({"id": 1, "op": row.what, **arguments(row, stage, who)}))
            while True:
                text = str(await asyncio.wait_for(socket.recv(), 5))
                if type == "group" and who in OUTSIDERS:
                    assert SECRET + type not in text
                said = json.loads(text)
                if said.get("id") == 1:
                    return "ok" if said["ok"] else str(said["error"]["code"])
        except ConnectionClosed:
            return str(socket.close_code)


@pytest.mark.parametrize("type", ["group", "channel"])
@pytest.mark.parametrize("row", OPS, ids=str)
async def test_everybody_may_ask_of_a_socket_what_the_matrix_says(
    house: House, http: httpx.AsyncClient, untouched: dict[str, Stage], row: Row, type: str
):
    made = await stages(http, untouched, row, type)

    answers = await asyncio.gather(*(attempt_op(house.gateway, row, type, *who) for who in zip(WHO, made, strict=True)))

    assert dict(zip(WHO, answers, strict=True)) == dict(zip(WHO, getattr(row, type), strict=True))


async def test_without_redis_nobody_may_do_more_than_with_it(
    own: Services, fragile_valkey: Valkey, http: httpx.AsyncClient, untouched: dict[str, Stage]
):
    """Every row again, for all who are outside and for one who is in: what is closed stays closed, and what is open
    stays open or says that it cannot be done now."""
    api, gateway = [await own.start(name, REDIS_URL=fragile_valkey.url) for name in ("api", "gateway")]
    fragile_valkey.kill()
    tried = [who for who in WHO if who in OUTSIDERS or who == "member"]

    async with client_of(api.url, timeout=10) as away:
        for row in (*REST, *OPS):
            made = dict(zip(WHO, await stages(http, untouched, row, "group"), strict=True))
            for who in tried:
                expected = row.group[WHO.index(who)]
                if row in OPS:
                    got = await attempt_op(gateway, row, "group", who, made[who])
                    allowed = {expected, "unavailable"} if expected == "ok" else {expected}
                else:
                    got = await attempt(away, row, "group", who, made[who])
                    allowed = {expected, "503"} if expected.startswith("2") else {expected}
                assert got in allowed, (row.what, who)
