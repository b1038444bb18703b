"""Catching up over REST."""


async def test_the_first_sync_names_the_heads_and_the_next_one_what_came_since(ann, ben):
    conversation = await ann.opens("direct", ben)
    await ann.says(conversation, "before")

    start = (await ben.get("/v1/sync")).json()
    assert (start["events"], start["recovered"], start["has_more"]) == ([], True, False)
    [head] = start["resets"]
    assert (head["conversation_id"], head["seq"]) == (conversation, 2)

    await ann.says(conversation, "after")
    await ben.post(f"/v1/conversations/{conversation}/read", {"seq": 3})
    caught_up = (await ben.get("/v1/sync", cursor=start["next_cursor"])).json()

    assert [(event["event"], event["seq"]) for event in caught_up["events"]][-1] == ("message.new", 3)
    assert caught_up["events"][-1]["data"]["content"] == "after"
    assert "reactions" not in caught_up["events"][-1]["data"]
    assert {"conversation_id": conversation, "user_id": ben.id, "seq": 3} in caught_up["reads"]


async def test_a_long_absence_is_told_page_by_page(ann, ben):
    conversation = await ann.opens("direct", ben)
    cursor = (await ben.get("/v1/sync")).json()["next_cursor"]
    for number in range(7):
        await ann.says(conversation, f"m{number}")

    told = []
    for _ in range(10):
        page = (await ben.get("/v1/sync", cursor=cursor, limit=3)).json()
        assert len(page["events"]) <= 3
        told += [event["data"]["content"] for event in page["events"] if event["event"] == "message.new"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    assert told == [f"m{number}" for number in range(7)]


async def test_a_cursor_of_somebody_else_or_garbage_is_refused(ann, ben):
    cursor = (await ben.get("/v1/sync")).json()["next_cursor"]

    for wrong in (cursor, "garbage", "é", "." * 400, cursor[:-1]):
        answer = await ann.get("/v1/sync", cursor=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), wrong


async def test_the_log_of_a_conversation_is_read_from_any_seq(ann, ben):
    conversation = await ann.opens("direct", ben)
    await ann.says(conversation, "one")
    await ann.says(conversation, "two")
    path = f"/v1/conversations/{conversation}/events"

    whole = (await ben.get(path)).json()
    part = (await ben.get(path, after_seq=1, limit=1, epoch=whole["epoch"])).json()
    beyond = (await ben.get(path, after_seq=9)).json()
    elsewhere = (await ben.get(path, after_seq=1, epoch="another")).json()

    assert [(event["seq"], event["event"]) for event in whole["events"]] == [
        (1, "member.add"),
        (2, "message.new"),
        (3, "message.new"),
    ]
    assert {member["user_id"] for member in whole["events"][0]["data"]["members"]} == {ann.id, ben.id}
    assert (whole["last_seq"], whole["has_more"], whole["recovered"]) == (3, False, True)
    assert ([event["seq"] for event in part["events"]], part["has_more"]) == ([2], True)
    assert (beyond["events"], beyond["recovered"]) == ([], False)
    assert (elsewhere["events"], elsewhere["recovered"]) == ([], False)
