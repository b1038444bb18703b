"""The whole gateway: `python -m services.gateway` with real stores and a real worker, and a channel of many members.

Messages are posted by a member over his socket and come back the whole way: transaction, hint, worker, node batch.
Only the gateway has the server's core; the stores, the worker and the generator share the other, so what is asked for
at once must cover that way, and the share of the gateway's core that was used has to be read beside the rate.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

import asyncpg

from bench.cores import part
from bench.servers.server import PAYLOAD, Burst, Clients, Running, Server
from bench.stage import Stage, stage

AUTHOR = "author"
ENVIRONMENT = {
    "CAUSERIE_MAX_CONNECTIONS": "20000",
    "CAUSERIE_FRAMES_PER_SECOND": "1000000",
    # The generator says how fast they come; a pace of ours would measure the pace.
    "CAUSERIE_HANDSHAKES_PER_SECOND": "1000000",
    "CAUSERIE_PENDING_PER_ADDRESS": "20000",
    # Each process is filled in its turn, and keeps what it was given.
    "CAUSERIE_REBALANCE_PER_SECOND": "0",
}
WINDOW = 6
WELCOME = '{"event":"welcome"'


def reader(number: int) -> str:
    return f"reader{number}"


async def seed_channel(database_url: str, readers: int) -> UUID:
    """A channel whose members are all readers and the author, straight into the tables."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            channel: UUID = await connection.fetchval(
                "INSERT INTO conversations (type, name, created_by, last_seq) "
                "VALUES ('channel', 'everybody', $1, 1) RETURNING id",
                AUTHOR,
            )
            users = [AUTHOR, *map(reader, range(readers))]
            await connection.execute(
                "INSERT INTO users (id, display_name) SELECT u, u FROM unnest($1::text[]) u", users
            )
            await connection.execute(
                "INSERT INTO conversation_participants (conversation_id, user_id, joined_seq) "
                "SELECT $1, u, 1 FROM unnest($2::text[]) u",
                channel,
                users,
            )
            await connection.execute(
                "INSERT INTO read_horizons (conversation_id, user_id, seq, number) "
                "SELECT $1, u, 1, 0 FROM unnest($2::text[]) u",
                channel,
                users,
            )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return channel


def clients(platform: Stage, readers: int) -> Clients:
    """Idle clients, each somebody else."""
    tokens = platform.home / "tokens"
    tokens.write_text("".join(f"{platform.token(reader(n))}\n" for n in range(readers)))
    return Clients(
        path="/ws",
        headers="Authorization: Bearer %v\r\n",
        values=tokens,
        script=[(WELCOME, "")],
        counted='{"event":"message.new"',
    )


def gateway(
    processes: int = 1,
    *,
    pinned: bool = True,
    author_apart: bool = False,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Server:
    """Pinned, it has the server's core to itself, and the stores, the worker and the generator share the other.

    With the author apart he sits on one more gateway that is none of the measured: posting is no part of a delivery.
    """

    @asynccontextmanager
    async def start(readers: int) -> AsyncIterator[Running]:
        async with stage() as platform:
            channel = await seed_channel(platform.stores.database_url, readers)
            settings = ENVIRONMENT | environment
            gateways = [await platform.services.start("gateway", port=None, **settings) for _ in range(processes)]
            worker = await platform.services.start("worker")
            beside = {"worker": worker.pid}
            host = gateways[0]
            if author_apart:
                host = await platform.services.start("gateway", port=None, **ENVIRONMENT)
                beside["the author's gateway"] = host.pid
            ports, pids = [service.port for service in gateways], [service.pid for service in gateways]
            if pinned:
                part(pids)
            idle = clients(platform, readers)
            subscribe = f'{{"id":1,"op":"subscribe","conversation_id":"{channel}"}}'
            following = replace(idle, script=[(WELCOME, subscribe), ('{"id":1,"ok":true', "")])
            author = Clients(
                path="/ws",
                headers=f"Authorization: Bearer {platform.token(AUTHOR)}\r\n",
                script=[(WELCOME, "")],
                counted='{"id":',
                failing='"ok":false',
            )
            send = (
                f'{{"id":1%n,"op":"send","conversation_id":"{channel}","client_id":"fan-out-%n","content":"{PAYLOAD}"}}'
            )
            yield Running(ports, pids, following, author, [host.port], lambda k: Burst(send, k), idle, beside)

    remark = "whole pipeline; stores and worker on the generator's core"
    return Server("causerie gateway", start, remark, window=WINDOW)
