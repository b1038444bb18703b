"""Presence, typing and tickets over REST: what Redis keeps."""

from datetime import UTC, datetime

import asyncpg

from tests.support.waiting import eventually


async def test_a_heartbeat_makes_online(ann, ben, cas):
    beat = await ann.post("/v1/users/online")
    checked = await ben.post("/v1/users/check-online", {"user_ids": [cas.id, ann.id, cas.id]})

    assert (beat.status_code, beat.json()["status"]) == (200, "online")
    assert [(one["user_id"], one["status"]) for one in checked.json()["items"]] == [
        (cas.id, "offline"),
        (ann.id, "online"),
    ]


async def test_typing_is_seen_until_it_stops(ann, ben):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}/typing"

    started = await ann.post(path)
    assert (started.status_code, started.json()) == (200, {"user_ids": [ann.id]})
    assert (await ben.get(path)).json() == {"user_ids": [ann.id]}

    await ann.post(path, {"state": "stop"})
    assert (await ben.get(path)).json() == {"user_ids": []}


async def test_strangers_neither_type_nor_see_who_does(ann, ben, cas):
    path = f"/v1/conversations/{await ann.opens('direct', ben)}/typing"

    assert (await cas.post(path)).status_code == 404
    assert (await cas.get(path)).status_code == 404


async def test_a_ticket_is_sold_for_a_moment(ann):
    answer = await ann.post("/v1/tickets")

    ticket = answer.json()
    left = datetime.fromisoformat(ticket["expires_at"]) - datetime.now(UTC)
    assert answer.status_code == 201
    assert len(ticket["ticket"]) >= 22
    assert 25 < left.total_seconds() <= 31
    assert (await ann.post("/v1/tickets")).json()["ticket"] != ticket["ticket"]


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
