"""Messages through a real gateway and a real worker."""

from tests.gateway.conftest import Connect, Open


async def test_a_message_reaches_every_member_and_every_device(connected: Connect, opened: Open):
    ann, anns_phone, bob = await connected("ann"), await connected("ann"), await connected("bob")
    talk = await opened("ann", "bob")

    sent = await ann.do("send", conversation_id=talk, content="hello", client_id="k1")

    for client in (ann, anns_phone, bob):
        event = await client.event("message.new")
        assert (event["conversation_id"], event["seq"]) == (talk, sent["seq"])
        assert event["data"]["content"] == "hello"
        assert event["data"]["id"] == sent["id"]
