"""What it costs PostgreSQL when everybody comes back at once."""

import asyncio
from time import monotonic

from causerie.readiness import LOOK_SECONDS
from tests.gateway.client import Client, token_of
from tests.gateway.conftest import Connect, Talks
from tests.support.relay import relay_to
from tests.support.services import Services
from tests.support.statements import Statements

CROWD = 40
MAX_STATEMENTS = 3
"""For each who comes back and asks what he missed (DESIGN, budgets)."""


async def test_who_comes_back_costs_postgresql_three_statements_at_most(
    dial: Connect, connected: Connect, own: Services, talks: Talks, environment: dict[str, str]
):
    users = [f"returning-{number}" for number in range(CROWD)]
    talk = await talks.open(*users)
    clients = [await connected(user) for user in users]
    cursors = [(await client.do("sync"))["next_cursor"] for client in clients]
    missed = [f"while you were away {number}" for number in range(3)]
    for text in missed:
        await clients[0].do("send", conversation_id=talk, content=text)

    async with relay_to(environment["DATABASE_URL"]) as relay:
        statements = Statements(relay)
        neighbour = await own.start("gateway", DATABASE_URL=relay.url)

        async def come_back(user: str, cursor: str) -> list[str]:
            client: Client = await dial(neighbour, additional_headers={"Authorization": f"Bearer {token_of(user)}"})
            await client.event("welcome")
            return [event["data"]["content"] for event in (await client.do("sync", cursor=cursor))["events"]]

        # Once to fill the pool of connections: what each of them asks at its beginning, it asks once.
        await asyncio.gather(*map(come_back, users, cursors))
        before, began = statements.count, monotonic()
        told = await asyncio.gather(*map(come_back, users, cursors))
        asked = statements.count - before

    assert told == [missed] * CROWD
    assert asked >= CROWD
    of_the_gateway_itself = 2 * (1 + (monotonic() - began) / LOOK_SECONDS)
    assert asked <= MAX_STATEMENTS * CROWD + of_the_gateway_itself


async def test_a_crowd_that_follows_a_channel_asks_postgresql_together_and_each_is_told_his_own(
    dial: Connect, own: Services, talks: Talks, environment: dict[str, str]
):
    users = [f"follower-{number}" for number in range(CROWD)]
    channel = await talks.open(*users, type="channel")
    group = await talks.open(*users[:2])
    asked_for = [(user, channel) for user in users] + [("outsider", channel), ("outsider", group), (users[0], group)]

    async with relay_to(environment["DATABASE_URL"]) as relay:
        statements = Statements(relay)
        gateway = await own.start("gateway", DATABASE_URL=relay.url)

        async def follow_at_once() -> list[str]:
            asks = [
                (client, await client.begin("subscribe", conversation_id=conversation))
                for client, (_, conversation) in zip(clients, asked_for, strict=True)
            ]
            replies = [await client.reply(ask) for client, ask in asks]
            return ["ok" if reply["ok"] else reply["error"]["code"] for reply in replies]

        clients = [
            await dial(gateway, additional_headers={"Authorization": f"Bearer {token_of(user)}"})
            for user, _ in asked_for
        ]
        for client in clients:
            await client.event("welcome")
        # Once to fill the pool of connections: what each of them asks at its beginning, it asks once.
        await follow_at_once()
        before, began = statements.count, monotonic()
        told = await follow_at_once()
        asked = statements.count - before

    assert told == ["ok"] * CROWD + ["forbidden", "not_found", "ok"]
    of_the_gateway_itself = 2 * (1 + (monotonic() - began) / LOOK_SECONDS)
    assert asked <= CROWD + of_the_gateway_itself
