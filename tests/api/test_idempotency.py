"""A key of a sender means one message, through any pod, however often and at once."""

import asyncio

import pytest


@pytest.fixture(scope="module")
def second_api(api, api_services):
    return asyncio.run(api_services.start("api"))


async def test_one_key_sent_sixteen_times_at_once_through_two_pods_is_one_message(people, ann, ben, second_api):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}/messages"
    body = {"content": "once", "client_id": "k"}
    elsewhere = people("ann", url=second_api.url)
    elsewhere.http.headers["Authorization"] = f"Bearer {ann.token}"

    answers = await asyncio.gather(*((ann, elsewhere)[number % 2].post(path, body) for number in range(16)))

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert all(("Idempotent-Replayed" in answer.headers) == (answer.status_code == 200) for answer in answers)
    [message] = {answer.text for answer in answers}
    assert (await ben.get(path)).json()["items"] == [answers[0].json()]
    log = (await ben.get(f"/v1/conversations/{conversation}/events")).json()
    assert [event["event"] for event in log["events"]] == ["member.add", "message.new"]
    assert log["last_seq"] == 2


async def test_many_writers_through_two_pods_leave_no_hole_in_seq(people, ann, ben, second_api):
    conversation = await ann.opens("direct", ben)
    ben_elsewhere = people("ben", url=second_api.url)
    ben_elsewhere.http.headers["Authorization"] = f"Bearer {ben.token}"

    sent = await asyncio.gather(
        *((ann, ben_elsewhere)[number % 2].says(conversation, f"m{number}") for number in range(40))
    )

    assert sorted(message["seq"] for message in sent) == list(range(2, 42))


async def test_a_repeat_is_the_first_message_as_it_is_now(ann, ben):
    conversation = await ann.opens("direct", ben)
    message = await ann.says(conversation, "once", client_id="k")
    await ann.put(f"/v1/messages/{message['id']}", {"content": "changed"})

    again = await ann.post(f"/v1/conversations/{conversation}/messages", {"content": "once", "client_id": "k"})

    assert (again.status_code, again.json()["id"], again.json()["seq"]) == (200, message["id"], message["seq"])


async def test_header_and_field_are_the_same_key(ann, ben):
    conversation = await ann.opens("direct", ben)
    path = f"/v1/conversations/{conversation}/messages"

    first = await ann.post(path, {"content": "once"}, Idempotency_Key="k")
    again = await ann.post(path, {"content": "once", "client_id": "k"})
    both = await ann.post(path, {"content": "once", "client_id": "k"}, Idempotency_Key="k")

    assert [first.status_code, again.status_code, both.status_code] == [201, 200, 200]
    assert first.json()["client_id"] == "k"
    assert first.json() == again.json() == both.json()


@pytest.mark.parametrize(
    "other", [{"content": "other"}, {"content": "once", "type": "image"}, {"content": "once", "metadata": {"a": 1}}]
)
async def test_another_body_under_the_same_key_is_refused(ann, ben, other):
    path = f"/v1/conversations/{await ann.opens('direct', ben)}/messages"
    await ann.post(path, {"content": "once", "client_id": "k"})

    answer = await ann.post(path, {**other, "client_id": "k"})

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert len((await ann.get(path)).json()["items"]) == 1


async def test_a_key_belongs_to_its_sender_across_conversations(ann, ben, cas):
    one, two = await ann.opens("direct", ben), await ann.opens("direct", cas)
    await ann.says(one, "once", client_id="k")

    elsewhere = await ann.post(f"/v1/conversations/{two}/messages", {"content": "once", "client_id": "k"})
    of_ben = await ben.says(one, "once", client_id="k")

    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "idempotency_conflict")
    assert of_ben["sender_id"] == ben.id
