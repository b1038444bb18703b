"""Full, slow, leaving: what a gateway does at its limits."""

import asyncio
import json
import socket

from websockets.exceptions import InvalidStatus

from tests.gateway.client import Client, Frame, token_of
from tests.gateway.conftest import Connect, Talks
from tests.gateway.raw import TEXT, UPGRADE, Wire, wire_to
from tests.support.services import Service, Services, get
from tests.support.waiting import eventually


async def test_a_drain_sends_everybody_away_evenly_and_takes_nobody_new(connected: Connect, own: Services, ann: str):
    leaving = await own.start("gateway", CAUSERIE_DRAIN_SECONDS="4")
    clients = [await connected(f"{ann}-{number}", leaving) for number in range(15)]
    loop = asyncio.get_running_loop()

    async def sent_away(client) -> tuple[float, int]:
        code = await client.closed()
        return loop.time(), code

    began = loop.time()
    stopping = asyncio.create_task(leaving.stop())
    waiting = [asyncio.create_task(sent_away(client)) for client in clients]
    await eventually(lambda: _status(leaving.health_port), what="not ready any more")
    try:
        await connected(ann, leaving)
        raise AssertionError("let in while draining")
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 503
        assert int(refusal.response.headers["Retry-After"]) > 0
    ends = await asyncio.gather(*waiting)
    await stopping

    assert {code for _, code in ends} == {1012}
    moments = sorted(moment - began for moment, _ in ends)
    assert moments[-1] - moments[0] > 1.0
    for client in clients:
        told = client.frames[-1]
        assert (told["event"], told["data"]["code"], told["data"]["reconnect"]) == ("disconnect", 1012, True)
        assert told["data"]["retry_after_ms"] >= 0


async def _status(port: int) -> bool:
    answer = await get(port, "/ready")
    return answer is not None and answer.status == 503


async def test_a_full_gateway_says_so(connected: Connect, own: Services, ann: str):
    small = await own.start("gateway", CAUSERIE_MAX_CONNECTIONS="1")
    first = await connected(ann, small)

    try:
        await connected(ann, small)
        raise AssertionError("let into a full gateway")
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 503
        assert int(refusal.response.headers["Retry-After"]) > 0

    await first.socket.close()
    await eventually(lambda: connected(ann, small), what="room again")


async def test_a_slow_reader_is_sent_away_and_nobody_else_notices(
    connected: Connect, own: Services, talks: Talks, ann: str, bob: str
):
    strict = await own.start(
        "gateway", CAUSERIE_SLOW_QUEUE_BYTES="200000", CAUSERIE_SENDS_PER_SECOND="1000", CAUSERIE_SENDS_BURST="1000"
    )
    talk = await talks.open(ann, bob)
    async with wire_to(strict.port) as slow:
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await slow.write(_upgrade(bob))
        author, reader = await connected(ann, strict), await connected(bob, strict)

        count = 80
        reading, farewell = asyncio.create_task(_read(reader, count)), asyncio.create_task(_wakes_up(slow, strict))
        for number in range(count):
            await author.do("send", conversation_id=talk, content=f"{number} " + "x" * 16_000)
        await reading
        frames, code = await farewell

        assert code == 4008
        seqs = [event["seq"] for event in frames if event["event"] == "message.new"]
        assert seqs == list(range(2, 2 + len(seqs)))
        assert frames[-1]["event"] == "disconnect"
        assert frames[-1]["data"]["reconnect"] is True


async def _wakes_up(slow: Wire, gateway: Service) -> tuple[list[Frame], int]:
    """Read on when it is counted as slow, while others still write: a farewell is not kept for long."""
    assert "slow" in await _closes(gateway)
    slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
    await slow.head()
    frames = []
    while (frame := await slow.read_frame())[0] == TEXT:
        frames.append(json.loads(frame[1]))
    return frames, int.from_bytes(frame[1][:2], "big")


async def _read(client: Client, count: int) -> None:
    for _ in range(count):
        await client.event("message.new")


def _upgrade(user: str) -> str:
    return UPGRADE + f"Authorization: Bearer {token_of(user)}\r\n\r\n"


async def _closes(gateway: Service) -> str:
    """The reasons counted so far."""

    async def counted() -> str:
        closes = [
            line for line in (await gateway.metrics()).splitlines() if line.startswith("causerie_gateway_closes_total")
        ]
        found = [line for line in closes if not line.endswith(" 0.0")]
        return " ".join(found)

    return await eventually(counted, what="a close to be counted")


async def test_the_metrics_count_what_happened(connected: Connect, own: Services, talks: Talks, ann: str, bob: str):
    counted = await own.start("gateway")
    client = await connected(ann, counted)
    # Opened any earlier, it would be delivered to him or not.
    talk = await talks.open(ann, bob)
    await client.event("member.add")
    await client.do("send", conversation_id=talk, content="x")
    await client.event("message.new")
    await client.fail("dance")

    metrics = await counted.metrics()

    assert 'causerie_gateway_connections{dialect="native"} 1.0' in metrics
    assert 'causerie_gateway_handshakes_total{result="accepted"} 1.0' in metrics
    assert "causerie_gateway_deliveries_total 2.0" in metrics
    assert "causerie_messages_accepted_total 1.0" in metrics
    assert 'causerie_errors_total{code="unknown_op"} 1.0' in metrics
    assert "causerie_delivery_duration_seconds_count 2.0" in metrics


async def test_who_takes_nothing_for_too_long_is_sent_away_however_little_waits(
    connected: Connect, own: Services, talks: Talks, ann: str, bob: str
):
    strict = await own.start("gateway", CAUSERIE_SLOW_SECONDS="0.5", CAUSERIE_SENDS_BURST="1000")
    talk = await talks.open(ann, bob)
    async with wire_to(strict.port) as slow:
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await slow.write(_upgrade(bob))
        author = await connected(ann, strict)
        for number in range(30):
            await author.do("send", conversation_id=talk, content=f"{number} " + "x" * 16_000)

        assert 'reason="slow"' in await _closes(strict)
