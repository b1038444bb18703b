"""Conversations over REST: opened once, seen by their members alone, changed by those who may."""

import asyncio

import pytest


async def test_a_group_is_opened_with_its_members(ann, ben, cas):
    answer = await ann.post(
        "/v1/conversations",
        {"type": "group", "member_ids": [ben.id, cas.id], "name": "Crew", "description": "us", "metadata": {"a": 1}},
    )

    made = answer.json()
    assert answer.status_code == 201
    assert (made["type"], made["name"], made["description"], made["metadata"]) == ("group", "Crew", "us", {"a": 1})
    assert (made["created_by"], made["last_seq"], made["unread_count"]) == (ann.id, 1, 0)
    assert (made["membership"]["role"], made["last_message"]) == ("owner", None)
    assert (await ben.get(f"/v1/conversations/{made['id']}")).json()["membership"]["role"] == "member"


async def test_a_direct_conversation_of_the_same_two_is_found_again_by_both(ann, ben):
    first = await ann.post("/v1/conversations", {"type": "direct", "member_ids": [ben.id]})
    again = await ann.post("/v1/conversations", {"type": "direct", "member_ids": [ben.id]})
    by_ben = await ben.post("/v1/conversations", {"type": "direct", "member_ids": [ann.id]})

    assert [first.status_code, again.status_code, by_ben.status_code] == [201, 200, 200]
    assert first.json()["id"] == again.json()["id"] == by_ben.json()["id"]


async def test_opening_the_same_at_once_makes_one(ann, ben):
    body = {"type": "direct", "member_ids": [ben.id]}

    answers = await asyncio.gather(*(ann.post("/v1/conversations", body) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_context_names_one_conversation_and_hides_it_from_others(ann, ben, cas):
    context = {"type": "order", "id": ann.id}
    body = {"type": "group", "member_ids": [ben.id], "context": context}
    made = await ann.post("/v1/conversations", body)

    again = await ben.post("/v1/conversations", body)
    taken = await cas.post("/v1/conversations", body)
    found = await ann.get("/v1/conversations", context_type="order", context_id=ann.id)

    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert (taken.status_code, taken.json()["code"]) == (409, "context_taken")
    assert made.json()["id"] not in taken.text
    assert [one["id"] for one in found.json()["items"]] == [made.json()["id"]]


@pytest.mark.parametrize("others", [0, 2])
async def test_a_direct_conversation_has_exactly_two_people(ann, ben, cas, others):
    answer = await ann.post("/v1/conversations", {"type": "direct", "member_ids": [ben.id, cas.id][:others]})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "member_ids")


async def test_a_direct_conversation_with_oneself_is_refused(ann):
    answer = await ann.post("/v1/conversations", {"type": "direct", "member_ids": [ann.id]})

    assert answer.status_code == 422


async def test_a_key_makes_opening_a_group_repeatable(ann, ben):
    body = {"type": "group", "member_ids": [ben.id], "name": "Crew"}

    first = await ann.post("/v1/conversations", body, Idempotency_Key="open-1")
    again = await ann.post("/v1/conversations", body, Idempotency_Key="open-1")
    other = await ann.post("/v1/conversations", {**body, "name": "Other"}, Idempotency_Key="open-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_my_conversations_are_listed_newest_activity_first_with_what_is_unread(ann, ben, cas):
    with_ben, with_cas = await ann.opens("direct", ben), await ann.opens("direct", cas)
    await ben.says(with_ben, "one")
    await ben.says(with_ben, "two")

    listed = (await ann.get("/v1/conversations")).json()

    assert [(one["id"], one["unread_count"]) for one in listed["items"]] == [(with_ben, 2), (with_cas, 0)]
    assert listed["items"][0]["last_message"]["content"] == "two"
    assert listed["next_cursor"] is None


async def test_a_list_is_paged_and_its_cursor_is_its_readers_own(ann, ben, cas):
    for other in (ben, cas):
        await ann.opens("direct", other)

    page = (await ann.get("/v1/conversations", limit=1)).json()
    rest = (await ann.get("/v1/conversations", limit=1, cursor=page["next_cursor"])).json()
    skipped = (await ann.get("/v1/conversations", limit=1, offset=1)).json()
    stolen = await ben.get("/v1/conversations", limit=1, cursor=page["next_cursor"])

    assert page["items"][0]["id"] != rest["items"][0]["id"] == skipped["items"][0]["id"]
    assert rest["next_cursor"] is None
    assert (stolen.status_code, stolen.json()["code"]) == (400, "invalid_cursor")
    for garbage in ("x", "!!!", "AAAA", "é", "a" * 600):
        answer = await ann.get("/v1/conversations", cursor=garbage)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), garbage


async def test_archiving_is_my_own(ann, ben):
    conversation = await ann.opens("group", ben)

    archived = await ben.patch(f"/v1/conversations/{conversation}", {"is_archived": True})

    assert archived.json()["is_archived"] is True
    assert (await ann.get(f"/v1/conversations/{conversation}")).json()["is_archived"] is False
    assert [one["id"] for one in (await ben.get("/v1/conversations", archived="true")).json()["items"]] == [
        conversation
    ]
    assert (await ben.get("/v1/conversations", archived="false")).json()["items"] == []


async def test_a_name_is_changed_by_those_who_run_the_group_and_told_in_the_log(ann, ben, cas):
    conversation = await ann.opens("group", ben)
    path = f"/v1/conversations/{conversation}"

    assert (await ben.patch(path, {"name": "Ben's"})).json()["code"] == "forbidden"
    assert (await cas.patch(path, {"name": "Cas's"})).json()["code"] == "not_found"
    changed = await ann.patch(path, {"name": "Crew", "description": None})

    assert (changed.status_code, changed.json()["name"]) == (200, "Crew")
    events = (await ben.get(f"{path}/events")).json()["events"]
    assert [(event["event"], event["data"]) for event in events[1:]] == [("conversation.update", {"name": "Crew"})]


async def test_channels_i_could_join_are_listed(ann, ben):
    channel = await ann.opens("channel", name="News", context={"type": "channel", "id": ann.id})

    listed = await ben.get(
        "/v1/conversations", type="channel", member="false", context_type="channel", context_id=ann.id
    )

    assert [(one["id"], one["membership"]) for one in listed.json()["items"]] == [(channel, None)]
    assert (await ben.get("/v1/conversations", type="channel")).json()["items"] == []
