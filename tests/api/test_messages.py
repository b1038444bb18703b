"""Messages over REST: durable, numbered, editable, and read back as they were written."""

from uuid import UUID

import pytest

from tests.support.waiting import eventually

MISSING = "01936f3e-8d2b-7c63-8a1f-4b6e2d3c5f71"


async def test_a_message_is_answered_with_its_place_in_the_order(ann, ben):
    conversation = await ann.opens("direct", ben)

    first = await ann.says(conversation, "hello", client_id="k1", metadata={"mood": "good"})
    second = await ben.says(conversation, "hi", reply_to_id=first["id"])

    assert (first["seq"], second["seq"]) == (2, 3)
    assert UUID(first["id"]).version == 7
    assert first == {
        "id": first["id"],
        "conversation_id": conversation,
        "seq": 2,
        "sender_id": ann.id,
        "type": "text",
        "content": "hello",
        "metadata": {"mood": "good"},
        "reply_to_id": None,
        "attachments": [],
        "reactions": [],
        "client_id": "k1",
        "version": 1,
        "is_edited": False,
        "is_deleted": False,
        "is_pinned": False,
        "created_at": first["created_at"],
        "edited_at": None,
    }
    assert second["reply_to_id"] == first["id"]


@pytest.mark.parametrize(
    "content",
    [
        " leading and trailing \n",
        "e\u0301 is not \u00e9",
        "👩‍👩‍👧 \u202e txet",
        "\ufeffmark",
        "</script>\\u0041",
        "x" * 16_384,
        "🦊" * 4_096,
    ],
    ids=lambda text: repr(text[:12]),
)
async def test_content_comes_back_byte_for_byte(ann, ben, content):
    conversation = await ann.opens("direct", ben)

    sent = await ann.says(conversation, content)
    read = (await ben.get(f"/v1/conversations/{conversation}/messages")).json()["items"][0]

    assert sent["content"] == read["content"] == content


async def test_history_is_newest_first_and_goes_on_with_its_cursor(ann, ben):
    conversation = await ann.opens("direct", ben)
    for number in range(7):
        await ann.says(conversation, f"m{number}")

    pages, cursor = [], None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await ben.get(f"/v1/conversations/{conversation}/messages", **params)).json()
        pages.append([message["content"] for message in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert pages == [["m6", "m5", "m4"], ["m3", "m2", "m1"], ["m0"]]


async def test_history_is_oldest_first_after_a_seq(ann, ben):
    conversation = await ann.opens("direct", ben)
    sent = [await ann.says(conversation, f"m{number}") for number in range(5)]
    path = f"/v1/conversations/{conversation}/messages"

    after = (await ben.get(path, after_seq=sent[1]["seq"], limit=2)).json()
    rest = (await ben.get(path, cursor=after["next_cursor"], limit=2)).json()
    before = (await ben.get(path, before_seq=sent[2]["seq"])).json()
    around = (await ben.get(path, around_seq=sent[2]["seq"], limit=3)).json()

    assert [message["content"] for message in after["items"]] == ["m2", "m3"]
    assert [message["content"] for message in rest["items"]] == ["m4"]
    assert rest["next_cursor"] is None
    assert [message["content"] for message in before["items"]] == ["m1", "m0"]
    assert sorted(message["content"] for message in around["items"]) == ["m1", "m2", "m3"]
    assert (await ben.get(path, after_seq=10**6)).json() == {"items": [], "next_cursor": None}


async def test_a_page_read_again_comes_from_the_cache_until_something_changes(ann, ben):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "hello")
    path = f"/v1/conversations/{conversation}/messages"

    async def hit():
        answer = await ben.get(path)
        return answer if answer.headers["X-Cache"] == "hit" else None

    first = await ben.get(path)
    assert first.headers["X-Cache"] == "miss"
    # Redis is given a quarter of a second to keep the page, which a busy machine may need for itself.
    again = await eventually(hit)
    assert first.json() == again.json()

    await ann.put(f"/v1/messages/{message['id']}", {"content": "hello again"})
    changed = await ben.get(path)
    assert changed.headers["X-Cache"] == "miss"
    assert changed.json()["items"][0]["content"] == "hello again"


async def test_an_edit_grows_the_version_and_a_stale_one_is_refused(ann, ben):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "hello")
    path = f"/v1/messages/{message['id']}"

    edited = await ann.put(path, {"content": "hello!", "version": 1})
    stale = await ann.put(path, {"content": "hello?", "version": 1})

    assert (edited.status_code, edited.json()["version"], edited.json()["is_edited"]) == (200, 2, True)
    assert edited.json()["seq"] == message["seq"]
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")


async def test_only_its_author_edits_a_message_and_strangers_see_none(ann, ben, cas):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "hello")
    path = f"/v1/messages/{message['id']}"

    assert (await ben.put(path, {"content": "mine"})).json()["code"] == "forbidden"
    assert (await ben.delete(path)).status_code == 403
    assert (await cas.put(path, {"content": "mine"})).json()["code"] == "not_found"
    assert (await cas.delete(path)).status_code == 404
    assert (await cas.get(f"/v1/conversations/{conversation}/messages")).status_code == 404
    assert (await cas.post(f"/v1/conversations/{conversation}/messages", {"content": "x"})).status_code == 404


async def test_a_deleted_message_leaves_a_tombstone(ann, ben):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "secret", metadata={"a": 1})
    path = f"/v1/messages/{message['id']}"

    deleted, again = await ann.delete(path), await ann.delete(path)
    edit = await ann.put(path, {"content": "back"})
    [tombstone] = (await ben.get(f"/v1/conversations/{conversation}/messages")).json()["items"]

    assert (deleted.status_code, deleted.content, again.status_code) == (204, b"", 204)
    assert (edit.status_code, edit.json()["code"]) == (410, "gone")
    assert (tombstone["is_deleted"], tombstone["content"], tombstone["metadata"]) == (True, "", {})
    assert tombstone["seq"] == message["seq"]
    log = (await ben.get(f"/v1/conversations/{conversation}/events")).json()
    assert "secret" not in str(log)


async def test_users_cannot_send_system_messages(ann, ben):
    conversation = await ann.opens("direct", ben)

    answer = await ann.post(f"/v1/conversations/{conversation}/messages", {"content": "x", "type": "system"})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("id", [MISSING, "nonsense", "1", "null", MISSING.upper()])
async def test_an_id_that_names_nothing_answers_404_whatever_it_looks_like(ann, id):
    for answer in (
        await ann.get(f"/v1/conversations/{id}"),
        await ann.get(f"/v1/conversations/{id}/messages"),
        await ann.post(f"/v1/conversations/{id}/messages", {"content": "x"}),
        await ann.put(f"/v1/messages/{id}", {"content": "x"}),
        await ann.delete(f"/v1/messages/{id}"),
        await ann.post(f"/v1/messages/{id}/read"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.request.url


async def test_messages_since_a_time_are_paged_over_all_conversations(ann, ben, cas):
    one, two = await ann.opens("direct", ben), await ann.opens("direct", cas)
    first = await ben.says(one, "m0")
    await cas.says(two, "m1")
    await ben.says(one, "m2")

    page = (await ann.get("/v1/messages/since", timestamp=first["created_at"], limit=2)).json()
    rest = (
        await ann.get("/v1/messages/since", timestamp=first["created_at"], limit=2, cursor=page["next_cursor"])
    ).json()

    assert [message["content"] for message in page["items"] + rest["items"]] == ["m0", "m1", "m2"]
    assert rest["next_cursor"] is None
    assert (await ann.get("/v1/messages/since")).status_code == 422
    assert (await ann.get("/v1/messages/since", timestamp="yesterday")).status_code == 422
