"""Every frame that breaks RFC 6455, and those that only look as if they did, against the running gateway."""

import asyncio
import json
import time

import pytest

from tests.bad_input.autobahn import CASES, CLOSE, PING, PONG, TEXT, Case, frame
from tests.gateway.client import token_of
from tests.gateway.raw import Wire, wire_to
from tests.security.house import House

HANG_SECONDS = 5.0
LAST = b"last"


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_gateway_answers_frames_as_rfc_6455_says(house: House, case: Case):
    started = time.monotonic()
    async with wire_to(house.gateway.port) as wire:
        offer = [f"Sec-WebSocket-Extensions: {case.extensions}"] if case.extensions else []
        head = await wire.upgrade(f"Authorization: Bearer {token_of('tester')}", *offer)
        assert "sec-websocket-extensions" not in head.headers
        await wire.read_frame()

        await send(wire, case)
        pongs, replies, code = await what_comes(wire, case)

    # A reply is made in its turn, behind the frames that came with it: a violation may overtake it.
    assert (pongs, code) == (list(case.pongs), case.code)
    assert replies == case.replies or (case.code is not None and replies < case.replies)
    assert time.monotonic() - started < HANG_SECONDS


async def send(wire: Wire, case: Case) -> None:
    data = case.data if case.code is not None else case.data + frame(PING, LAST)
    try:
        for at in range(0, len(data), case.chop or len(data)):
            await wire.write(data[at : at + (case.chop or len(data))])
            await asyncio.sleep(0)
    except OSError:
        pass  # It hung up on what came first.


async def what_comes(wire: Wire, case: Case) -> tuple[list[bytes], int, int | None]:
    """Pongs, replies and the code of the close; without one due, until the last ping and all replies are answered."""
    pongs: list[bytes] = []
    replies, is_last, told = 0, False, None
    while not is_last or replies < case.replies:
        opcode, payload = await wire.read_frame()
        if opcode == PONG:
            is_last = payload == LAST
            pongs += [] if is_last else [payload]
        elif opcode == TEXT:
            said = json.loads(payload)
            if said.get("event") == "disconnect":
                told = said["data"]["code"]
            else:
                assert said["error"]["code"] == "bad_frame"
                replies += 1
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            assert told in (None, code)
            return pongs, replies, code
    return pongs, replies, None


async def test_after_all_of_it_the_gateway_serves_others(house: House):
    async with wire_to(house.gateway.port) as wire:
        await wire.upgrade(f"Authorization: Bearer {token_of('bystander')}")
        assert b'"welcome"' in (await wire.read_frame())[1]
        await wire.write(frame(TEXT, b'{"id":1,"op":"ping"}'))
        assert json.loads((await wire.read_frame())[1])["ok"]
    assert all(service.running for service in house.services)
    assert "Traceback" not in house.gateway.log_text()
