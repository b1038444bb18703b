"""Poison as clients meet it: they are told to resync, load what they lack, and nobody beside them notices."""

import asyncio
from uuid import uuid4

import pytest

from causerie.client import Client
from causerie.client.conversation import Json
from causerie.client.errors import Refused
from tests.poison.lab import Lab
from tests.support.services import Services
from tests.support.stores import execute
from tests.support.waiting import eventually

NOWHERE = "nats://127.0.0.1:9"
"""The discard port: what is announced there nobody hears, so all is found in the log."""
PATIENCE_SECONDS = 30.0


@pytest.mark.parametrize("is_there", [True, False], ids=["connected", "away meanwhile"])
async def test_a_client_heals_by_itself_from_an_event_nobody_can_read(
    lab: Lab, running: Services, is_there: bool
) -> None:
    silent = await running.start("api", NATS_URL=NOWHERE)
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        await ann.send(group, "two")
        await ben.until(lambda model: group in model.conversations and model.conversations[group].last == 2)
        resyncs = await lab.count("causerie_resyncs_total", lab.gateway)
        if not is_there:
            await ben.disconnect()

        await poison(lab, group, seq=4)
        said_in_silence = lab.client(ann.user, api=silent)
        for text in ("three", "four", "five"):
            await said_in_silence.rest.post(group, text)
        await said_in_silence.stop()
        if not is_there:
            ben.start()

        wanted = ["two", "three", "four", "five"]
        for client in (ann, ben):
            await client.until(lambda model: texts(model, group) == wanted and model.conversations[group].last == 5)
        await ann.send(group, "six")
        await ben.until(lambda model: texts(model, group) == [*wanted, "six"])
        assert ben.is_settled
        assert await lab.count("causerie_resyncs_total", lab.gateway) > resyncs
        letter = (await eventually(lambda: letters_of(lab, group)))[0]
        assert (letter["seq"], letter["reason"]) == (4, "ValueError")
        assert await lab.count('causerie_dead_letters_total{kind="event"}', lab.worker) >= 1


async def test_of_posts_in_one_batch_only_the_bad_one_fails(lab: Lab) -> None:
    await execute(
        lab.environment["DATABASE_URL"],
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'not this one'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW "
        "WHEN (NEW.content = 'doomed') EXECUTE FUNCTION refuse()",
    )
    async with lab.clients("ann", "ben") as (ann, ben):
        groups = [(await ann.open("group", [ben.user]))["id"] for _ in range(8)]
        texts_said = [*(f"text {number}" for number in range(6)), "doomed", *(f"more {n}" for n in range(6))]

        posts = [post(ann, groups[place % 8], text) for place, text in enumerate(texts_said)]
        outcomes = await asyncio.gather(*posts, return_exceptions=True)

        failed = [text for text, outcome in zip(texts_said, outcomes, strict=True) if isinstance(outcome, Exception)]
        assert failed == ["doomed"]
        assert isinstance(refusal := outcomes[6], Refused) and refusal.code == "internal"
        for group in groups:
            said = {text for place, text in enumerate(texts_said) if groups[place % 8] == group and text != "doomed"}
            await ben.until(
                lambda model, group=group, said=said: group in model.conversations and set(texts(model, group)) == said
            )
            assert ben.model.conversations[group].last == len(said) + 1


async def post(author: Client, group: str, text: str) -> Json:
    """Post once, and again while PostgreSQL takes its time: a batch with a bad row is written one by one."""
    key = str(uuid4())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await author.rest.post(group, text, client_id=key)
            except Refused as refusal:
                if refusal.code not in ("overloaded", "unavailable"):
                    raise


async def poison(lab: Lab, group: str, *, seq: int) -> None:
    """What is written under this number is of no known kind from the moment it is there."""
    name = f"poison_{group.replace('-', '')}"
    await execute(
        lab.environment["DATABASE_URL"],
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.kind := 'riddle.new'; RETURN NEW; END $$",
        f"CREATE TRIGGER {name} BEFORE INSERT ON events FOR EACH ROW "
        f"WHEN (NEW.conversation_id = '{group}' AND NEW.seq = {seq}) EXECUTE FUNCTION {name}()",
    )


async def letters_of(lab: Lab, group: str) -> list[object]:
    return await lab.sql("SELECT * FROM dead_letters WHERE kind = 'event' AND conversation_id = $1 AND seq = 4", group)


def texts(model: object, group: str) -> list[str]:
    conversations = model.conversations  # type: ignore[attr-defined]
    return [message["content"] for message in conversations[group].messages.values()]
