"""A dump comes back in another PostgreSQL: whoever was connected goes on in the history that was dumped."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from causerie.client import Client
from causerie.embedded import Postgres
from tests.journeys.fleet import BRISK, token
from tests.operations import pages
from tests.operations.pages import block, works
from tests.support.services import Service, Services
from tests.support.stores import a_database_name, execute
from tests.support.waiting import eventually

BACK_SECONDS = 30.0
SPEND_TRANSACTIONS = """
DO $$ BEGIN
    SET synchronous_commit = off;
    FOR turn IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
END $$"""


async def test_clients_go_on_in_the_history_that_was_dumped(
    operator: dict[str, str], other_postgres: Postgres, services: Services, tmp_path: Path
) -> None:
    # The dump then holds ids of transactions that lie in the future where it is restored.
    await execute(operator["DATABASE_URL"], SPEND_TRANSACTIONS)
    restored = await an_empty_database(other_postgres)
    running = [await services.start(name, **BRISK) for name in ("worker", "api", "gateway")]
    _, api, gateway = running
    told: list[str] = []
    ann, ben = (
        Client(
            user,
            lambda user=user: token(user),
            gateways=[gateway.ws_url],
            apis=[api.url],
            on_event=lambda event, user=user: told.append(f"{user} {event['event']} {event['seq']}"),
        )
        for user in ("ann", "ben")
    )
    async with ann, ben:
        group = (await ann.open("group", ["ben"]))["id"]
        for number in range(3):
            await ann.send(group, f"kept {number}")
        await everybody_has([ann, ben], group, ["kept 0", "kept 1", "kept 2"])
        await works(block("backup", "dump"), operator, tmp_path)
        for number in range(2):
            await ben.send(group, f"lost {number}")
        await everybody_has([ann, ben], group, ["kept 0", "kept 1", "kept 2", "lost 0", "lost 1"])
        before = await ann.rest.sync(ann.model.cursor)

        for service in running:
            await service.stop()
        said = await works(block("backup", "restore"), operator | {"RESTORED_URL": restored}, tmp_path)
        assert "applied positions of this PostgreSQL" in said
        assert "1 conversations, 0 drifts" in said
        await asyncio.gather(*(again(services, service, restored) for service in running))

        await everybody_has([ann, ben], group, ["kept 0", "kept 1", "kept 2"])
        after = await ann.rest.sync(before["next_cursor"])
        assert after["recovered"] is False
        assert [reset["conversation_id"] for reset in after["resets"]] == [group]

        told.clear()
        assert (await ben.send(group, "after"))["seq"] == 5
        await everybody_has([ann, ben], group, ["kept 0", "kept 1", "kept 2", "after"])
        assert sorted(told) == ["ann message.new 5", "ben message.new 5"]
        again_after = await ann.rest.sync(after["next_cursor"])
        assert [event["seq"] for event in again_after["events"]] == [5]
        assert (await ann.rest.sync(again_after["next_cursor"]))["events"] == []
    await works(block("backup", "drill"), operator | {"RESTORED_URL": restored}, tmp_path)


async def an_empty_database(server: Postgres) -> str:
    name = a_database_name("restored")
    await execute(server.url, f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))


async def again(services: Services, service: Service, database_url: str) -> None:
    """Started where clients knew it."""
    await services.start(service.name, port=service.port, **BRISK, DATABASE_URL=database_url)


async def everybody_has(clients: list[Client], group: str, contents: list[str]) -> None:
    def has(client: Client) -> bool:
        known = client.model.conversations.get(group)
        return known is not None and [message["content"] for message in known.messages.values()] == contents

    await eventually(lambda: all(map(has, clients)), timeout_seconds=BACK_SECONDS, what=f"everybody sees {contents}")


def test_the_page_on_backups_names_what_is_run_here() -> None:
    assert {block.name for block in pages.blocks("backup")} == {None, "dump", "restore", "drill"}
