"""Members over REST: who may add, change and remove whom, and what those who left can see."""


async def test_members_are_listed_with_their_roles(ann, ben, cas):
    conversation = await ann.opens("group", ben, cas)

    listed = (await ben.get(f"/v1/conversations/{conversation}/members")).json()["items"]

    roles = {member["user_id"]: member["role"] for member in listed}
    assert roles == {ann.id: "owner", ben.id: "member", cas.id: "member"}
    assert listed[0].keys() == {
        "user_id",
        "role",
        "nickname",
        "is_muted",
        "muted_until",
        "joined_at",
        "left_at",
    }


async def test_an_owner_adds_and_removes_and_a_former_member_sees_nothing_any_more(ann, ben, cas):
    conversation = await ann.opens("group", ben)
    members = f"/v1/conversations/{conversation}/members"

    assert (await ben.post(members, {"user_id": cas.id})).json()["code"] == "forbidden"
    added = await ann.post(members, {"user_id": cas.id})
    assert (added.status_code, added.json()["user_id"], added.json()["role"]) == (201, cas.id, "member")
    assert (await cas.get(f"/v1/conversations/{conversation}")).status_code == 200

    removed = await ann.delete(f"{members}/{cas.id}")
    assert (removed.status_code, removed.content) == (204, b"")
    for path in ("", "/messages", "/members", "/events", "/receipts", "/typing"):
        assert (await cas.get(f"/v1/conversations/{conversation}{path}")).status_code == 404, path
    left = {member["user_id"]: member["left_at"] for member in (await ben.get(members)).json()["items"]}
    assert left[cas.id] is not None
    assert left[ben.id] is None


async def test_somebody_added_later_sees_history_from_then_on(ann, ben, cas):
    conversation = await ann.opens("group", ben)
    await ann.says(conversation, "before")
    await ann.post(f"/v1/conversations/{conversation}/members", {"user_id": cas.id})
    await ann.says(conversation, "after")

    seen = (await cas.get(f"/v1/conversations/{conversation}/messages")).json()["items"]

    assert [message["content"] for message in seen] == ["after"]


async def test_muting_is_my_own_and_shown_to_nobody_else(ann, ben):
    conversation = await ann.opens("group", ben)
    path = f"/v1/conversations/{conversation}/members/{ben.id}"

    muted = await ben.patch(path, {"is_muted": True, "muted_until": "2030-01-01T00:00:00Z"})

    assert (muted.json()["is_muted"], muted.json()["muted_until"]) == (True, "2030-01-01T00:00:00.000Z")
    assert (await ann.patch(path, {"is_muted": False})).status_code == 403
    members = (await ann.get(f"/v1/conversations/{conversation}/members")).json()["items"]
    assert all(member["is_muted"] is False and member["muted_until"] is None for member in members)
    assert (await ben.get(f"/v1/conversations/{conversation}")).json()["membership"]["is_muted"] is True


async def test_roles_are_given_by_the_owner(ann, ben, cas):
    conversation = await ann.opens("group", ben, cas)
    members = f"/v1/conversations/{conversation}/members"

    assert (await ben.patch(f"{members}/{ben.id}", {"role": "admin"})).status_code == 403
    raised = await ann.patch(f"{members}/{ben.id}", {"role": "admin"})
    renamed = await ben.patch(f"{members}/{cas.id}", {"nickname": "C"})

    assert (raised.status_code, raised.json()["role"]) == (200, "admin")
    assert renamed.json()["nickname"] == "C"
    assert (await cas.patch(f"{members}/{ann.id}", {"nickname": "A"})).status_code == 403
    assert (await ann.patch(f"{members}/nobody", {"role": "admin"})).status_code == 404


async def test_members_of_a_direct_conversation_stay(ann, ben, cas):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}"

    for answer in (
        await ann.post(f"{path}/members", {"user_id": cas.id}),
        await ann.delete(f"{path}/members/{ben.id}"),
        await ann.post(f"{path}/leave"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_when_the_owner_leaves_the_next_in_line_takes_over(ann, ben, cas):
    conversation = await ann.opens("group", ben, cas)
    await ann.patch(f"/v1/conversations/{conversation}/members/{cas.id}", {"role": "admin"})

    left = await ann.post(f"/v1/conversations/{conversation}/leave")

    assert left.status_code == 200
    assert (await cas.get(f"/v1/conversations/{conversation}")).json()["membership"]["role"] == "owner"
    assert (await ann.get(f"/v1/conversations/{conversation}")).status_code == 404


async def test_a_channel_is_read_by_anybody_and_written_by_those_who_joined(ann, ben):
    channel = await ann.opens("channel", name="News")
    await ann.says(channel, "welcome")
    path = f"/v1/conversations/{channel}"

    assert (await ben.get(f"{path}/messages")).json()["items"][0]["content"] == "welcome"
    assert (await ben.post(f"{path}/messages", {"content": "hi"})).json()["code"] == "forbidden"
    assert (await ben.post(f"{path}/typing")).json()["code"] == "forbidden"

    joined, again = await ben.post(f"{path}/join"), await ben.post(f"{path}/join", {})
    assert (joined.status_code, joined.json()["user_id"]) == (200, ben.id)
    assert again.json() == joined.json()
    await ben.says(channel, "hi")
    assert (await ben.post(f"{path}/leave")).status_code == 200
    assert (await ben.post(f"{path}/messages", {"content": "hi"})).json()["code"] == "forbidden"


async def test_who_sees_a_channel_but_has_not_joined_it_is_forbidden_what_members_do(ann, ben):
    channel = await ann.opens("channel", name="News")
    path = f"/v1/conversations/{channel}"
    message = f"/v1/messages/{(await ann.says(channel, 'welcome'))['id']}"
    await ben.post(f"{path}/join")
    own = f"/v1/messages/{(await ben.says(channel, 'hi'))['id']}"
    await ben.post(f"{path}/leave")

    answers = [
        await ben.put(own, {"content": "changed"}),
        await ben.delete(own),
        await ben.put(message, {"content": "changed"}),
        await ben.delete(message),
        await ben.post(f"{message}/read"),
        await ben.post(f"{path}/read", {"seq": 2}),
        await ben.delete(f"{path}/read"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "forbidden")] * 7


async def test_a_group_is_not_joined(ann, ben, cas):
    conversation = await ann.opens("group", ben)

    assert (await cas.post(f"/v1/conversations/{conversation}/join")).status_code == 404


async def test_the_scope_admin_administrates_but_reads_no_foreign_conversation(ann, ben, people):
    conversation = await ann.opens("group", ben)
    root = people("root", admin=True)

    assert (await root.get(f"/v1/conversations/{conversation}/messages")).status_code == 404
    added = await root.post(f"/v1/conversations/{conversation}/members", {"user_id": root.id})
    assert added.status_code == 201
    assert (await root.get(f"/v1/conversations/{conversation}/messages")).status_code == 200
