"""Who is let in, how long he may stay, and what he is told when not."""

import pytest

from causerie.actions.platform import Platform
from causerie.cache import tickets
from causerie.domain.caller import Caller
from causerie.domain.ids import UserId
from tests.gateway.client import token_of
from tests.gateway.conftest import Connect
from tests.gateway.raw import PING, wire_to
from tests.support.services import Services


async def test_a_token_may_come_in_a_header(dial: Connect, ann: str):
    client = await dial(additional_headers={"Authorization": f"Bearer {token_of(ann)}"})

    assert (await client.event("welcome"))["data"]["user_id"] == ann
    assert client.frames[0]["event"] == "welcome"


async def test_a_token_may_come_as_a_subprotocol_as_browsers_need_it(dial: Connect, ann: str):
    client = await dial(subprotocols=["causerie.v1", f"bearer.{token_of(ann)}"])

    assert (await client.event("welcome"))["data"]["user_id"] == ann
    assert client.socket.subprotocol == "causerie.v1"


async def test_a_token_may_come_in_the_first_frame(dial: Connect, ann: str):
    client = await dial()
    assert await client.fail("ping") == "unauthenticated"

    answer = await client.do("auth", token=token_of(ann))

    assert answer["user_id"] == ann
    assert [frame.get("event") for frame in client.frames] == [None, "welcome", None]
    assert await client.fail("auth", token=token_of(ann)) == "conflict"


async def test_a_ticket_serves_once(dial: Connect, platform: Platform, ann: str):
    ticket = await tickets.issue(platform.cache, Caller(UserId(ann), expires_at=2**33), now=0.0)

    client = await dial(path=f"/ws?ticket={ticket.text}")
    assert (await client.event("welcome"))["data"]["user_id"] == ann

    again = await dial(path=f"/ws?ticket={ticket.text}")
    assert await again.closed() == 4001


@pytest.mark.parametrize(
    "way",
    [
        {"additional_headers": {"Authorization": "Bearer nonsense"}},
        {"additional_headers": {"Authorization": "Basic abc"}},
        {"additional_headers": {"Authorization": f"Bearer {token_of('late', ttl_seconds=-60)}"}},
        {"subprotocols": ["causerie.v1", "bearer.nonsense"]},
        {"path": "/ws?ticket=nonsense"},
    ],
)
async def test_a_bad_credential_is_let_in_to_be_told_so(dial: Connect, way: dict):
    client = await dial(**way)

    assert await client.closed() == 4001
    [disconnect] = client.frames
    assert disconnect["event"] == "disconnect"
    assert disconnect["data"]["code"] == 4001
    assert disconnect["data"]["reconnect"] is False


async def test_a_bad_token_in_the_first_frame_is_answered_and_closed(dial: Connect):
    client = await dial()
    await client.begin("auth", token="nonsense")

    assert await client.closed() == 4001
    refusal, disconnect = client.frames
    assert (refusal["id"], refusal["error"]["code"]) == (1, "unauthenticated")
    assert disconnect["event"] == "disconnect"


async def test_who_never_authenticates_is_sent_away(dial: Connect, own: Services):
    impatient = await own.start("gateway", CAUSERIE_HANDSHAKE_SECONDS="0.3")
    client = await dial(impatient)

    assert await client.closed() == 4001


async def test_a_session_ends_with_its_token_unless_it_gets_a_newer_one(dial: Connect, own: Services, ann: str):
    strict = await own.start("gateway", CAUSERIE_JWT_LEEWAY_SECONDS="0")
    short = {"Authorization": f"Bearer {token_of(ann, ttl_seconds=5)}"}

    kept = await dial(strict, additional_headers=short)
    await kept.do("refresh", token=token_of(ann))
    left = await dial(strict, additional_headers=short)
    await left.event("welcome")
    assert await kept.fail("refresh", token="nonsense") == "unauthenticated"

    assert await left.closed() == 4001
    await kept.do("ping")


async def test_a_token_of_somebody_else_ends_the_session(connected: Connect, ann: str, bob: str):
    client = await connected(ann)
    await client.begin("refresh", token=token_of(bob))

    assert await client.closed() == 4003


async def test_the_newest_of_too_many_sessions_is_refused(connected: Connect, dial: Connect, own: Services, ann: str):
    small = await own.start("gateway", CAUSERIE_SESSIONS_PER_USER="2")
    first, second = await connected(ann, small), await connected(ann, small)

    third = await dial(small, additional_headers={"Authorization": f"Bearer {token_of(ann)}"})
    assert await third.closed() == 4010
    await first.do("ping")

    await second.socket.close()
    await connected(ann, small)


async def test_unreadable_frames_are_answered_and_the_tenth_ends_the_session(connected: Connect, ann: str):
    client = await connected(ann)
    for _ in range(9):
        await client.send("nonsense")
        assert (await client.reply(None))["error"]["code"] == "bad_frame"

    await client.send("[]")
    assert await client.closed() == 1008


async def test_a_request_without_an_id_is_answered_only_when_it_fails(connected: Connect, ann: str):
    client = await connected(ann)
    await client.send({"op": "ping"})
    await client.send({"op": "dance"})

    assert (await client.reply(None))["error"]["code"] == "unknown_op"
    assert [frame for frame in client.frames if frame.get("ok") and frame["id"] is None] == []


@pytest.mark.parametrize("op", ["react", "unreact", "pin", "unpin", "delivered", "signal", "dance"])
async def test_ops_whose_feature_is_not_there_are_unknown(connected: Connect, ann: str, op: str):
    assert await (await connected(ann)).fail(op) == "unknown_op"


async def test_a_flood_of_frames_ends_the_session(connected: Connect, ann: str):
    client = await connected(ann)
    for _ in range(1_000):
        await client.socket.send("")

    assert await client.closed() == 1008


async def test_too_many_requests_of_one_user_are_refused_with_the_time_to_wait(
    connected: Connect, own: Services, ann: str
):
    strict = await own.start("gateway", CAUSERIE_REQUESTS_PER_SECOND="10")
    client = await connected(ann, strict)
    requests = [await client.begin("ping") for _ in range(150)]
    replies = [await client.reply(request) for request in requests]

    refused = [reply["error"] for reply in replies if not reply["ok"]]
    assert {error["code"] for error in refused} == {"rate_limited"}
    assert all(error["retryable"] and error["retry_after_ms"] >= 0 for error in refused)


async def test_a_silent_client_is_pinged_and_then_sent_away(own: Services, ann: str):
    lively = await own.start("gateway", CAUSERIE_HEARTBEAT_SECONDS="0.5")
    async with wire_to(lively.port) as wire:
        await wire.upgrade(f"Authorization: Bearer {token_of(ann)}")
        await wire.read_frame()

        assert (await wire.read_frame())[0] == PING
        assert (await wire.read_frame())[0] == PING
        assert await wire.close_code() == 4009
