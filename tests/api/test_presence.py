"""Presence, typing and tickets over REST: what Redis keeps."""

from datetime import UTC, datetime

import asyncpg

from causerie.cache.typing import TYPING_SECONDS
from tests.api.conftest import answered
from tests.support.waiting import eventually


async def test_a_heartbeat_makes_online(ann, ben, cas):
    beat = await answered(lambda: ann.post("/v1/users/online"))
    assert (beat.status_code, beat.json()["status"]) == (200, "online")

    async def told():
        checked = await ben.post("/v1/users/check-online", {"user_ids": [cas.id, ann.id, cas.id]})
        assert [(one["user_id"], one["status"]) for one in checked.json()["items"]] == [
            (cas.id, "offline"),
            (ann.id, "online"),
        ]
        return True

    await eventually(told)


async def test_typing_is_seen_until_it_stops(ann, ben):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}/typing"

    async def typists(state):
        # A mark that Redis is too slow for is lost without a word, so it is made again.
        made = await ann.post(path, {"state": state} if state else None)
        assert made.status_code == 200
        return [made.json()["user_ids"], (await ben.get(path)).json()["user_ids"]]

    async def starts():
        return await typists(None) == [[ann.id], [ann.id]]

    async def stops():
        return await typists("stop") == [[], []]

    await eventually(starts)
    # Sooner than the mark would end by itself.
    await eventually(stops, timeout_seconds=TYPING_SECONDS / 2)


async def test_strangers_neither_type_nor_see_who_does(ann, ben, cas):
    path = f"/v1/conversations/{await ann.opens('direct', ben)}/typing"

    assert (await cas.post(path)).status_code == 404
    assert (await cas.get(path)).status_code == 404


async def test_a_ticket_is_sold_for_a_moment(ann):
    answer = await answered(lambda: ann.post("/v1/tickets"))

    ticket = answer.json()
    left = datetime.fromisoformat(ticket["expires_at"]) - datetime.now(UTC)
    assert answer.status_code == 201
    assert len(ticket["ticket"]) >= 22
    assert 25 < left.total_seconds() <= 31
    another = await answered(lambda: ann.post("/v1/tickets"))
    assert another.json()["ticket"] != ticket["ticket"]


async def test_claims_fill_the_directory_unasked(ann, people, api_database_url):
    dee = people("dee", name="Dee Dee")
    await dee.get("/v1/unread")

    async def name_of_dee():
        connection = await asyncpg.connect(api_database_url)
        try:
            return await connection.fetchval("SELECT display_name FROM users WHERE id = $1", dee.id)
        finally:
            await connection.close()

    assert await eventually(name_of_dee) == "Dee Dee"
