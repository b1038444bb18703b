"""What belongs to others looks like what does not exist, and a place in a list is its owner's alone."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.security.house import ALLOWED_ORIGIN, House
from tests.security.http import client_of
from tests.security.matrix import ARGUMENTS, BODIES, OPS, QUERIES, REST
from tests.security.stage import Stage, a_stage, headers_of, token_for

ABSENT = "01936f3e-7c1a-7b52-9f0e-3a5d1c2b4e60"
NO_IDS = [
    "0",
    "null",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "01936f3e7c1a7b529f0e3a5d1c2b4e60",
    "%7B01936f3e-7c1a-7b52-9f0e-3a5d1c2b4e60%7D",
    "urn:uuid:01936f3e-7c1a-7b52-9f0e-3a5d1c2b4e60",
    ABSENT + "%00",
    ABSENT + "%0a",
    "..%2f..%2fhealth",
    "%ff",
    "é",
    "x" * 8_000,
    "' OR 1=1 --",
]


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(house.api.url, timeout=5) as client:
        yield client


def seen(answer: httpx.Response) -> tuple[int, dict[str, Any], list[str]]:
    """All an asker can compare."""
    body = answer.json()
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    return answer.status_code, body, sorted(answer.headers)


@pytest.mark.parametrize("row", [row for row in REST if "{" in row.what], ids=str)
async def test_a_foreign_object_an_absent_one_and_a_bad_id_answer_alike(
    http: httpx.AsyncClient, stage: Stage, row: Any
):
    method, _, template = row.what.partition(" ")

    async def ask(id: str) -> tuple[int, dict[str, Any], list[str]]:
        path = template.format(conversation_id=id, message_id=id, user_id="ben") + "?" + QUERIES.get(row.what, "")
        return seen(await http.request(method, path, json=BODIES.get(row.what), headers=headers_of("stranger")))

    foreign = await ask(stage.conversation_id if "{conversation_id}" in template else stage.message_id)

    assert foreign[:1] == (404,)
    assert [id for id in (ABSENT, *NO_IDS) if await ask(id) != foreign] == []


@pytest.mark.parametrize("op", [row.what for row in OPS if row.group[2] == "not_found"])
async def test_ops_answer_alike_too(house: House, stage: Stage, op: str):
    foreign = vars(stage)
    absent = {"conversation_id": ABSENT, "message_id": ABSENT}
    replies = []
    url, headers = f"{house.gateway.ws_url}/ws", headers_of("stranger")
    async with connect(url, compression=None, additional_headers=headers) as socket:
        await socket.recv()
        for known in (foreign, absent, {"conversation_id": "x", "message_id": "x"}):
            given = {k: v.format(**known) if isinstance(v, str) else v for k, v in ARGUMENTS[op].items()}
            await socket.send(json.dumps({"id": 1, "op": op, **given}))
            replies.append(json.loads(await socket.recv()))

    assert replies[0]["error"]["code"] == "not_found"
    assert replies == [replies[0]] * 3


LISTS = ["/v1/conversations", "{c}/members", "{c}/receipts", "{c}/messages", "/v1/messages/since", "/v1/sync"]


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_is_good_for_its_owner_its_list_and_as_it_was_given(http: httpx.AsyncClient, path: str):
    """`ben` may see the same conversation; the place in a list is `owner`'s all the same."""
    stage, other = await a_stage(http, "group"), await a_stage(http, "group")
    for content in ("one", "two", "three"):
        await http.post(
            f"/v1/conversations/{stage.conversation_id}/messages",
            json={"content": content},
            headers=headers_of("owner"),
        )

    async def ask(user: str, cursor: str | None, at: Stage = stage) -> httpx.Response:
        params = {"limit": "1"} | ({} if cursor is None else {"cursor": cursor})
        if path.endswith("since"):
            params["timestamp"] = "2026-01-01T00:00:00Z"
        asked = path.format(c=f"/v1/conversations/{at.conversation_id}")
        return await http.get(asked, params=params, headers=headers_of(user))

    cursor = (await ask("owner", None)).json()["next_cursor"]
    assert (await ask("owner", cursor)).status_code == 200

    def flipped(at: int) -> str:
        return cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]

    tries = [await ask("ben", cursor), await ask("stranger" if path.startswith("/") else "ada", cursor)]
    garbage = [cursor[:-4], cursor + "AAAA", cursor * 2, *map(flipped, range(0, len(cursor), 5)), "x", "e30", "é", "\0"]
    tries += [await ask("owner", bad) for bad in [*garbage, "A" * 600, json.dumps({"id": 1})]]
    if path.startswith("{c}"):
        tries.append(await ask("owner", cursor, at=other))
    for elsewhere in LISTS:
        if elsewhere != path:
            asked = elsewhere.format(c=f"/v1/conversations/{stage.conversation_id}")
            params = {"cursor": cursor, "timestamp": "2026-01-01T00:00:00Z"}
            tries.append(await http.get(asked, params=params, headers=headers_of("owner")))

    assert {(answer.status_code, answer.json()["code"]) for answer in tries} == {(400, "invalid_cursor")}


FOREIGN_ORIGINS = [
    "https://evil.example",
    "null",
    "",
    "http://app.example",
    "https://app.example:444",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://app.example@evil.example",
    "https://app.example%00.evil.example",
    "https://app.example, https://evil.example",
    "https://app.example https://evil.example",
    "https://sub.app.example",
    "file://",
    "https://[::1",
    "https://app.example:x",
    "*",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_page_of_another_origin_gets_no_socket_and_no_answer_it_may_read(
    house: House, http: httpx.AsyncClient, origin: str
):
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    preflight = {"Access-Control-Request-Method": "GET"}

    socket = await http.get(f"{house.gateway.url}/ws", headers={"Origin": origin, **upgrade, **headers_of("owner")})
    asked = await http.options("/v1/unread", headers={"Origin": origin, **preflight})
    read = await http.get("/v1/unread", headers={"Origin": origin, **headers_of("owner")})

    assert (socket.status_code, socket.json()["code"]) == (403, "forbidden")
    assert asked.status_code == 403
    assert "access-control-allow-origin" not in {*asked.headers, *read.headers}


@pytest.mark.parametrize("origin", [ALLOWED_ORIGIN, ALLOWED_ORIGIN.upper(), ALLOWED_ORIGIN + ":443"])
async def test_a_page_that_was_named_may_come_however_it_is_spelt(house: House, origin: str):
    headers = {"Origin": origin}
    async with connect(f"{house.gateway.ws_url}/ws", compression=None, additional_headers=headers) as socket:
        await socket.send(json.dumps({"id": 1, "op": "auth", "token": token_for("owner")}))
        assert json.loads(await socket.recv())["event"] == "welcome"


def test_the_id_that_is_absent_could_be_one():
    assert UUID(ABSENT).version == 7
