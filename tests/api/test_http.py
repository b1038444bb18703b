"""HTTP below the application: heads that are too large, too slow or no HTTP at all; and the end of a process."""

import asyncio
import json

import pytest

from causerie.domain.limits import MAX_BODY_BYTES
from tests.support.services import accepts
from tests.support.waiting import eventually


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send pieces one after the other and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(15):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def problem_of(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    found: dict[str, object] = json.loads(body)
    return found


CLOSE = b"Connection: close\r\n"


async def test_a_head_of_16_kib_is_read_and_a_larger_one_refused(api):
    fits = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 15_000 + b"\r\n" + CLOSE + b"\r\n"
    large = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 17_000 + b"\r\n" + CLOSE + b"\r\n"

    assert (await exchange(api.port, fits)).startswith(b"HTTP/1.1 200 ")
    refused = await exchange(api.port, large)
    assert refused.startswith(b"HTTP/1.1 431 ")
    assert problem_of(refused)["code"] == "invalid_request"


async def test_a_head_that_never_ends_is_refused_when_it_is_too_large(api):
    answer = await exchange(api.port, b"GET /health HTTP/1.1\r\n", *[b"X-More: " + b"x" * 1_000 + b"\r\n"] * 20)

    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_does_not_come_is_not_waited_for(services):
    api = await services.start("api", CAUSERIE_HANDSHAKE_SECONDS="0.5")

    assert await exchange(api.port) == b""
    assert await exchange(api.port, b"GET /health HTTP/1.1\r\nHost:") == b""


async def test_a_connection_goes_on_after_a_head_request(api):
    head = b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n"

    answer = await exchange(api.port, head, head, last)

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b'"alive"') == 1


async def test_a_body_may_be_larger_than_a_head(api, ann, ben):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}/messages"

    for _ in range(3):
        answer = await ann.http.post(
            path, content=b'{"content":"x"}'.ljust(MAX_BODY_BYTES), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v1/\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_gets_an_answer_like_every_other(api, garbage):
    answer = await exchange(api.port, garbage)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert problem_of(answer)["request_id"]
    assert b"x-content-type-options: nosniff" in answer
    assert b"uvicorn" not in answer.lower()


async def test_a_websocket_has_no_place_here(api):
    upgrade = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    answer = await exchange(api.port, upgrade.replace(b"Upgrade\r\nUpgrade", b"Upgrade, close\r\nUpgrade"))

    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_requests_in_flight_are_answered_after_sigterm_and_the_process_ends_well(services, people):
    api = await services.start("api")
    ann, ben = people("ann", url=api.url), people("ben", url=api.url)
    conversation = await ann.opens("direct", ben)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    body = b'{"content":"last words"}'
    head = (
        f"POST /v1/conversations/{conversation}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:5])
    await eventually(lambda: api.running)
    await ann.get("/v1/unread")

    ending = asyncio.create_task(api.stop())
    await eventually(lambda: refuses(api.port), what="no new connection is taken")
    writer.write(body[5:])
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await ending

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert not api.running
    assert "Traceback" not in api.log_text()


async def refuses(port: int) -> bool:
    return not await accepts(port)
