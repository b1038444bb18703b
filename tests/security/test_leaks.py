"""A token and a message that must appear nowhere but where they belong, through all the bad input there is.

What the services write is searched: logs at debug level, metrics, what the stores log, and every refusal.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.bad_input import autobahn, malformed_http
from tests.bad_input.wrong_values import NO_JSON, WRONG
from tests.gateway.raw import UPGRADE, wire_to
from tests.security.forgeries import FORGERIES
from tests.security.house import House, a_house
from tests.security.http import client_of
from tests.security.stage import Stage, a_stage, headers_of, token_for
from tests.support.relay import relay_to
from tests.support.services import get
from tests.support.waiting import eventually

TEXT = "canary-text-4711-in-the-mine"
USER = "owner"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def canary() -> str:
    return token_for(USER)


@pytest.fixture
def watched(house_environment: dict[str, str], directory: Path) -> Iterator[House]:
    with a_house(house_environment, directory) as house:
        yield house


class Refusals:
    """Everything that was answered to somebody who was refused."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def add(self, *answers: httpx.Response) -> None:
        self.bodies += [answer.text + str(answer.headers) for answer in answers if answer.status_code >= 400]


async def ask_the_api(house: House, stage: Stage, refusals: Refusals) -> None:
    path = f"/v1/conversations/{stage.conversation_id}/messages"
    json_type = {"Content-Type": "application/json"}
    async with client_of(house.api.url, timeout=5, headers=headers_of(USER)) as http:
        sent = await http.post(path, json={"content": TEXT, "client_id": "canary"})
        assert sent.status_code == 201
        refusals.add(
            await http.post(path, json={"content": TEXT + "!", "client_id": "canary"}),
            await http.put(f"/v1/messages/{sent.json()['id']}", json={"content": TEXT, "version": 7}),
            await http.post(f"/v1/nowhere/{TEXT}"),
            await http.get(path, params={"cursor": TEXT}),
            await http.post(path, json={"content": TEXT, "type": TEXT}, headers={"Idempotency-Key": "\x7f"}),
        )
        for raw in (*WRONG.values(), *NO_JSON.values()):
            body = f'{{"content":"{TEXT}","metadata":{{"{TEXT}":{raw}}},"type":{raw}}}'.encode()
            refusals.add(await http.post(path, content=body, headers=json_type))
    async with client_of(house.api.url, timeout=5) as http:
        for forge in FORGERIES.values():
            refusals.add(await http.get("/v1/unread", headers={"Authorization": f"Bearer {forge()}".strip()}))


async def ask_the_gateway(house: House, stage: Stage, token: str, refusals: Refusals) -> None:
    url = f"{house.gateway.ws_url}/ws"
    send = {"op": "send", "conversation_id": stage.conversation_id, "content": TEXT}
    ways: list[tuple[str, dict[str, object]]] = [
        (url, {"additional_headers": {"Authorization": f"Bearer {token}"}}),
        (url, {"subprotocols": ["causerie.v1", f"bearer.{token}"]}),
        (f"{url}?ticket={token}", {}),
    ]
    for address, way in ways:
        async with connect(address, compression=None, **way) as socket:
            try:
                for number, raw in enumerate((*WRONG.values(), '{"a":1,"a":2}')):
                    await socket.send(json.dumps(send)[:-1] + f',"id":{number},"metadata":{raw},"x":"{TEXT}"}}')
                for frame in (TEXT, json.dumps({"op": "auth", "token": token}), json.dumps({"op": TEXT, "id": TEXT})):
                    await socket.send(frame)
                while True:
                    said = await asyncio.wait_for(socket.recv(), 0.3)
                    if '"ok":false' in said and f'"id":"{TEXT}"' not in said:
                        refusals.bodies.append(said)
            except (ConnectionClosed, TimeoutError):
                pass


async def send_nonsense(house: House, token: str) -> None:
    """Every malformed request and frame, with the token in its head and the text in its body."""
    secret = f"Authorization: Bearer {token}\r\nX-Text: {TEXT}\r\n".encode()

    async def tell(port: int, data: bytes) -> None:
        async with wire_to(port) as wire:
            try:
                await wire.write(data)
                await asyncio.wait_for(wire.reader.read(65_536), 0.5)
            except (OSError, TimeoutError):
                pass

    requests = [
        case.data.replace(b"Host: x\r\n", b"Host: x\r\n" + secret, 1) + TEXT.encode() for case in malformed_http.CASES
    ]
    upgrade = UPGRADE.encode() + secret + b"\r\n"
    frames = [upgrade + case.data + autobahn.frame(autobahn.TEXT, TEXT.encode()) for case in autobahn.CASES]
    bound = asyncio.Semaphore(32)

    async def one(port: int, data: bytes) -> None:
        async with bound:
            await tell(port, data)

    await asyncio.gather(
        *(one(service.port, data) for service in (house.api, house.gateway) for data in requests),
        *(one(house.gateway.port, data) for data in frames[::4]),
    )


def assert_absent(where: str, token: str, text: str) -> None:
    """Not whole, not by its signature, and not what was said."""
    for secret in (token, token.rpartition(".")[2], TEXT):
        at = text.find(secret)
        assert at < 0, f"{where}: …{text[max(0, at - 200) : at + 40]}…"


async def assert_nowhere(house: House, directory: Path, stores_home: Path, token: str) -> None:
    for service in house.services:
        answer = await get(service.health_port, "/metrics")
        assert answer is not None
        assert_absent(f"metrics of {service.name}", token, answer.body.decode())
    for log in [*directory.rglob("*.log"), *stores_home.rglob("*.log")]:
        assert_absent(str(log), token, log.read_text(errors="replace"))


async def test_no_bad_input_makes_anything_write_down_a_token_or_a_message(
    watched: House, directory: Path, stores_home: Path, canary: str
):
    refusals = Refusals()
    async with client_of(watched.api.url, timeout=5) as http:
        stage = await a_stage(http, "group")

    await ask_the_api(watched, stage, refusals)
    await ask_the_gateway(watched, stage, canary, refusals)
    await send_nonsense(watched, canary)

    assert len(refusals.bodies) > 100
    for body in refusals.bodies:
        assert_absent("a refusal", canary, body)
    await assert_nowhere(watched, directory, stores_home, canary)
    assert all(service.log_text() for service in watched.services)
    assert all(service.running for service in watched.services)


async def test_neither_does_a_database_that_goes_away_in_mid_sentence(
    house_environment: dict[str, str], directory: Path, stores_home: Path, canary: str
):
    async with relay_to(house_environment["DATABASE_URL"]) as relay:
        with ExitStack() as stack:
            # In a thread, for the relay answers in this one.
            settings = house_environment | {"DATABASE_URL": relay.url}
            house = await asyncio.to_thread(stack.enter_context, a_house(settings, directory))
            async with client_of(house.api.url, timeout=10, headers=headers_of(USER)) as http:
                stage = await a_stage(http, "group")
                path = f"/v1/conversations/{stage.conversation_id}/messages"
                relay.freeze()
                frozen = await asyncio.gather(*(http.post(path, json={"content": TEXT}) for _ in range(3)))
                relay.thaw()
                await relay.cut()
                cut = await asyncio.gather(*(http.post(path, json={"content": TEXT}) for _ in range(3)))
                await relay.start()

                async def works() -> bool:
                    return (await http.post(path, json={"content": "there again"})).status_code == 201

                await eventually(works)

            assert {answer.status_code for answer in (*frozen, *cut)} == {503}
            assert all("Retry-After" in answer.headers and TEXT not in answer.text for answer in (*frozen, *cut))
            await assert_nowhere(house, directory, stores_home, canary)


async def test_the_search_would_find_it(watched: House, directory: Path, stores_home: Path, canary: str):
    (directory / "planted.log").write_text(f"somebody said {TEXT}")

    with pytest.raises(AssertionError, match="planted"):
        await assert_nowhere(watched, directory, stores_home, canary)
