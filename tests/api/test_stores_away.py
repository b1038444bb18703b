"""What the API still does without a store: Redis and NATS are never missed, PostgreSQL is said to be away at once."""

import time

import httpx

from tests.api.conftest import People
from tests.support.relay import relay_to
from tests.support.stores import flush
from tests.support.waiting import eventually

DEADLINE_SECONDS = 3.0
GRACE_SECONDS = 1.0
"""For this machine to send and receive."""


async def timed(asking) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = await asking
    return answer, time.monotonic() - started


async def test_without_redis_and_nats_everything_still_answers(services, people: People, fragile_valkey, nats_url):
    async with relay_to(nats_url) as nats:
        api = await services.start("api", REDIS_URL=fragile_valkey.url, NATS_URL=nats.url)
        ann, ben = people("ann", url=api.url), people("ben", url=api.url)
        conversation = await ann.opens("group", ben)
        path = f"/v1/conversations/{conversation}"
        await ann.says(conversation, "with")
        await ben.get(f"{path}/messages")
        fragile_valkey.kill()
        await nats.cut()

        message = await ann.says(conversation, "without", client_id="k")
        history = await ben.get(f"{path}/messages")
        answers = [
            await ann.post(f"{path}/messages", {"content": "without", "client_id": "k"}),
            await ann.put(f"/v1/messages/{message['id']}", {"content": "edited"}),
            await ben.get("/v1/conversations"),
            await ben.get(path),
            await ben.get(f"{path}/members"),
            await ben.get(f"{path}/events"),
            await ben.get(f"{path}/receipts"),
            await ben.post(f"{path}/read", {"seq": 2}),
            await ben.get("/v1/unread"),
            await ben.get("/v1/sync"),
            await ben.post(f"{path}/typing"),
            await ben.get(f"{path}/typing"),
            await ben.post("/v1/users/check-online", {"user_ids": [ann.id]}),
        ]

        assert history.headers["X-Cache"] == "miss"
        assert [one["content"] for one in history.json()["items"]] == ["without", "with"]
        assert [answer.status_code for answer in answers] == [200] * len(answers)
        assert answers[0].headers["Idempotent-Replayed"] == "true"
        assert all("X-RateLimit-Remaining" in answer.headers for answer in answers)
        ticket = await ben.post("/v1/tickets")
        assert (ticket.status_code, ticket.json()["code"]) == (503, "unavailable")
        assert int(ticket.headers["Retry-After"]) >= 1

        async def ready_names_them():
            ready = await ben.get("/ready")
            assert ready.status_code == 200
            return ready.json()["stores"] == {"postgresql": "up", "redis": "away", "nats": "away"}

        await eventually(ready_names_them)
        await fragile_valkey.start()
        await nats.start()
        await eventually(lambda: hit(ben, path), what="history comes from the cache again")


async def hit(person, path):
    return (await person.get(f"{path}/messages")).headers["X-Cache"] == "hit"


async def test_an_emptied_redis_changes_no_answer(services, people: People, redis_url):
    api = await services.start("api")
    ann, ben = people("ann", url=api.url), people("ben", url=api.url)
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "hello")
    await ben.get(f"/v1/conversations/{conversation}/messages")
    await ann.delete(f"/v1/messages/{message['id']}")

    flush(redis_url)

    [tombstone] = (await ben.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    assert tombstone["is_deleted"] is True


async def test_without_postgresql_every_request_is_told_within_three_seconds(services, people: People, database_url):
    async with relay_to(database_url) as postgresql:
        api = await services.start("api", DATABASE_URL=postgresql.url)
        ann, ben = people("ann", url=api.url), people("ben", url=api.url)
        conversation = await ann.opens("direct", ben)
        path = f"/v1/conversations/{conversation}"
        await ann.says(conversation, "before")

        for take_away in (postgresql.freeze, postgresql.cut):
            await_if_needed = take_away()
            if await_if_needed is not None:
                await await_if_needed
            for asking in (
                ann.post(f"{path}/messages", {"content": "lost?", "client_id": "k"}),
                ann.get(f"{path}/messages"),
                ann.get("/v1/sync"),
                ann.post("/v1/conversations", {"type": "channel"}),
            ):
                answer, seconds = await timed(asking)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert answer.json()["retryable"] is True
                assert int(answer.headers["Retry-After"]) >= 1
                assert seconds < DEADLINE_SECONDS + GRACE_SECONDS
            postgresql.thaw()

        assert (await ann.get("/health")).status_code == 200
        ready = await ann.get("/ready")
        assert (ready.status_code, ready.json()["stores"]["postgresql"]) == (200, "away")

        await postgresql.start()
        sent = await eventually(lambda: sends(ann, path), what="the same message goes through")
        again = await ann.post(f"{path}/messages", {"content": "lost?", "client_id": "k"})
        seen = [one["content"] for one in (await ben.get(f"{path}/messages")).json()["items"]]
        assert again.json()["id"] == sent["id"]
        assert seen == ["lost?", "before"]


async def sends(person, path):
    answer = await person.post(f"{path}/messages", {"content": "lost?", "client_id": "k"})
    return answer.json() if answer.status_code in (200, 201) else None
