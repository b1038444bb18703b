"""Every field of every operation and of every op with every value that fits nowhere: 4xx or its refusal, never 500."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from causerie.protocol import native_ops
from services.api.openapi.document import openapi
from services.api.resources import OPERATIONS
from tests.bad_input.wrong_values import NO_JSON, WRONG
from tests.security.house import House
from tests.security.http import client_of
from tests.security.matrix import ARGUMENTS, BODIES, QUERIES, REST
from tests.security.stage import Stage, headers_of, token_for

JSON = {"Content-Type": "application/json"}
DOCUMENT: Any = openapi(OPERATIONS)
OPTIONAL = {
    "send": ("type", "metadata", "reply_to_id", "attachment_ids", "client_id"),
    "read": ("message_id",),
    "edit": ("version",),
    "history": ("before_seq", "after_seq", "around_seq", "cursor", "limit"),
    "sync": ("cursor", "limit", "positions"),
}
AT_ONCE = 8
REFUSED = {
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "idempotency_conflict",
    "invalid_request",
    "invalid_cursor",
    "bad_frame",
}


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(house.api.url, timeout=5, headers=headers_of("owner")) as client:
        yield client


@pytest.fixture
async def socket(house: House) -> AsyncIterator[ClientConnection]:
    headers = headers_of("owner")
    async with connect(f"{house.gateway.ws_url}/ws", compression=None, additional_headers=headers) as socket:
        await socket.recv()
        yield socket


def sound_body(what: str) -> dict[str, object]:
    return BODIES.get(what, {})


def schema_of(what: str) -> dict[str, Any]:
    method, _, path = what.partition(" ")
    content = DOCUMENT["paths"][path][method.lower()].get("requestBody")
    name = content["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] if content else None
    return DOCUMENT["components"]["schemas"][name] if name else {"properties": {}}


def written(sound: dict[str, object], field: str, raw: str) -> bytes:
    """The body with one field written as it stands in `raw`."""
    others = "".join(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in sound.items() if name != field)
    return f'{{{others}"{field}":{raw}}}'.encode()


async def all_of(asking: list[Any]) -> list[Any]:
    bound = asyncio.Semaphore(AT_ONCE)

    async def one(wanted: Any) -> Any:
        async with bound:
            return await wanted

    return await asyncio.gather(*(one(wanted) for wanted in asking))


WRITES = [row.what for row in REST if not row.what.startswith(("GET ", "DELETE "))]


@pytest.mark.parametrize("what", WRITES)
async def test_no_value_of_no_field_makes_the_api_fail(http: httpx.AsyncClient, stage: Stage, what: str):
    method, _, template = what.partition(" ")
    path, sound = template.format(**vars(stage)), sound_body(what)
    fields = list(schema_of(what)["properties"])

    def ask(field: str, raw: str) -> Any:
        return http.request(method, path, content=written(sound, field, raw), headers=JSON)

    wrong = await all_of([ask(field, raw) for field in fields for raw in WRONG.values()])
    unknown = await ask("no_such_field", "null")
    broken = await all_of([ask("no_such_field", raw) for raw in (NO_JSON.values() if fields else ())])

    assert {answer.status_code for answer in wrong} <= {200, 201, 204, 403, 404, 409, 422}
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_request")
    assert {(answer.status_code, answer.json()["code"]) for answer in broken} <= {(400, "invalid_json")}


def parameters_of(what: str) -> list[str]:
    method, _, template = what.partition(" ")
    return [one["name"] for one in DOCUMENT["paths"][template][method.lower()]["parameters"] if one["in"] == "query"]


@pytest.mark.parametrize("what", [row.what for row in REST if parameters_of(row.what)])
async def test_no_parameter_makes_the_api_fail(http: httpx.AsyncClient, stage: Stage, what: str):
    method, _, template = what.partition(" ")
    values = [
        quote(str(json.loads(raw))) for name, raw in WRONG.items() if "surrogate" not in name and "KiB" not in name
    ]
    values += ["%00", "%ff%fe", "%", "%zz", "&&=="]
    asked = template.format(**vars(stage)) + "?" + QUERIES.get(what, "")

    def ask(name: str, value: str) -> Any:
        return http.request(method, f"{asked}&{name}={value}", json={})

    answers = await all_of([ask(name, value) for name in parameters_of(what) for value in values[::3]])

    assert {answer.status_code for answer in answers} <= {200, 400, 422}


async def asked(socket: ClientConnection, frame: bytes) -> dict[str, Any]:
    await socket.send(frame, text=True)
    while "ok" not in (reply := json.loads(await asyncio.wait_for(socket.recv(), 5))):
        pass
    return dict(reply)


@pytest.mark.parametrize("op", sorted(native_ops.NAMES))
async def test_no_value_of_no_argument_makes_the_gateway_fail(socket: ClientConnection, stage: Stage, op: str):
    known = {**vars(stage), "token": token_for("owner")}
    given = ARGUMENTS.get(op, {})
    sound = {name: value.format(**known) if isinstance(value, str) else value for name, value in given.items()}
    frames = [
        written({"id": 1, "op": op} | sound, field, raw)
        for field in (*sound, *OPTIONAL.get(op, ()), "no_such_argument")
        for raw in WRONG.values()
    ]

    replies = [await asked(socket, frame) for frame in frames]

    assert {reply["error"]["code"] for reply in replies if not reply["ok"]} <= REFUSED
    assert {reply["id"] for reply in replies} == {1}


@pytest.mark.parametrize("name", NO_JSON)
async def test_what_is_no_json_is_a_bad_frame(socket: ClientConnection, name: str):
    reply = await asked(socket, written({"id": 1, "op": "ping"}, "x", NO_JSON[name]))

    assert (reply["id"], reply["error"]["code"]) == (None, "bad_frame")


@pytest.mark.parametrize("name", WRONG)
async def test_a_request_id_is_echoed_or_refused_but_never_breaks_the_reply(socket: ClientConnection, name: str):
    reply = await asked(socket, b'{"op":"ping","id":' + WRONG[name].encode() + b',"x":1}')

    assert reply["error"]["code"] in ("bad_frame", "invalid_request")
    assert reply["id"] is None or reply["id"] == json.loads(WRONG[name])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
async def test_only_utf_8_is_read(http: httpx.AsyncClient, stage: Stage, encoding: str):
    body = json.dumps({"content": "é"}, ensure_ascii=False).encode(encoding)
    answer = await http.post(f"/v1/conversations/{stage.conversation_id}/messages", content=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
