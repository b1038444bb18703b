"""Read marks and unread counts over REST."""


async def unread_of(person):
    return (await person.get("/v1/unread")).json()


async def test_unread_counts_messages_not_events(ann, ben):
    conversation = await ann.opens("direct", ben)
    first = await ann.says(conversation, "one")
    await ann.put(f"/v1/messages/{first['id']}", {"content": "one!"})
    await ann.says(conversation, "two")

    assert await unread_of(ben) == {
        "total": 2,
        "conversations": [{"conversation_id": conversation, "unread_count": 2}],
    }
    assert await unread_of(ann) == {"total": 0, "conversations": []}


async def test_a_read_mark_goes_forward_only_and_stops_at_the_end(ann, ben):
    conversation = await ann.opens("direct", ben)
    first = await ann.says(conversation, "one")
    second = await ann.says(conversation, "two")
    path = f"/v1/conversations/{conversation}/read"

    to_first = await ben.post(path, {"seq": first["seq"]})
    assert (to_first.status_code, to_first.json()) == (
        200,
        {"conversation_id": conversation, "seq": first["seq"], "unread_count": 1},
    )
    assert (await ben.post(path, {"message_id": second["id"]})).json()["unread_count"] == 0
    assert (await ben.post(path, {"seq": 0})).json()["seq"] == second["seq"]
    assert (await ben.post(path, {"seq": 10**12})).json()["seq"] == second["seq"]
    assert (await ben.post(f"/v1/messages/{first['id']}/read")).json()["seq"] == second["seq"]


async def test_writing_moves_my_mark_and_receipts_show_everybodys(ann, ben):
    conversation = await ann.opens("direct", ben)
    await ann.says(conversation, "one")
    mine = await ben.says(conversation, "two")

    assert (await unread_of(ben))["total"] == 0
    receipts = (await ann.get(f"/v1/conversations/{conversation}/receipts")).json()["items"]
    marks = {receipt["user_id"]: receipt["seq"] for receipt in receipts}
    assert marks[ben.id] == mine["seq"]
    assert receipts[0].keys() == {"user_id", "seq", "read_at", "delivered_seq"}


async def test_flagging_as_unread_keeps_the_mark_and_any_read_takes_the_flag_away(ann, ben):
    conversation = await ann.opens("direct", ben)
    await ann.says(conversation, "one")
    path = f"/v1/conversations/{conversation}"
    await ben.post(f"{path}/read", {"seq": 2})

    flagged = await ben.delete(f"{path}/read")
    assert (flagged.status_code, flagged.content) == (204, b"")
    assert (await ben.get(path)).json()["is_marked_unread"] is True
    assert (await ben.get(path)).json()["membership"]["read_seq"] == 2

    await ben.post(f"{path}/read", {"seq": 0})
    assert (await ben.get(path)).json()["is_marked_unread"] is False


async def test_strangers_mark_nothing(ann, ben, cas):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "one")

    assert (await cas.post(f"/v1/conversations/{conversation}/read", {"seq": 1})).status_code == 404
    assert (await cas.delete(f"/v1/conversations/{conversation}/read")).status_code == 404
    assert (await cas.get(f"/v1/conversations/{conversation}/receipts")).status_code == 404
    assert (await cas.post(f"/v1/messages/{message['id']}/read")).status_code == 404
