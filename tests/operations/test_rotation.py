"""The secret of tokens is replaced while people talk: nobody is sent away."""

import asyncio
import time
from pathlib import Path

from websockets.asyncio.client import connect

from causerie.client import Client
from causerie.domain.ids import UserId
from causerie.tokens import issue
from tests.conftest import JWT_SECRET
from tests.gateway.client import Client as Socket
from tests.journeys.fleet import BRISK
from tests.support.services import Service, Services
from tests.support.waiting import eventually

OLD, NEW = JWT_SECRET, "the-secret-that-follows-the-one-for-tests"
LEEWAY_SECONDS = 1.0
OLD_TOKEN_SECONDS = 4.0
COME_BACK_SECONDS = 40.0


class Issuer:
    """The back end of those who embed us: signs with the secret it was last given."""

    secret = OLD

    def token(self, user: str) -> str:
        return issue(self.secret, UserId(user), ttl_seconds=3600)


async def test_people_who_talk_do_not_notice_that_the_secret_is_replaced(services: Services) -> None:
    _, api, *gateways = await asyncio.gather(
        *(services.start(name, **BRISK) for name in ("worker", "api", "gateway", "gateway"))
    )
    issuer = Issuer()
    told: list[tuple[str, int]] = []

    def client(user: str) -> Client:
        return Client(
            user,
            lambda: issuer.token(user),
            gateways=[gateway.ws_url for gateway in gateways],
            apis=[api.url],
            on_event=lambda event: told.append((user, event["seq"])) if event["event"] == "message.new" else None,
        )

    async def rolled(believed: str) -> None:
        """One gateway after another is told whom to believe, and everybody is back before the next."""
        for place, gateway in enumerate(gateways):
            await gateway.stop()
            gateways[place] = await services.start("gateway", port=gateway.port, **BRISK, CAUSERIE_JWT_SECRET=believed)
            await talk()

    async def talk() -> None:
        for one in (ann, ben):
            sent = await one.send(group, f"from {one.user}")
            await everybody_has(sent["seq"])

    async def everybody_has(seq: int) -> None:
        await eventually(lambda: all((user, seq) in told for user in ("ann", "ben")), timeout_seconds=COME_BACK_SECONDS)

    ann, ben = client("ann"), client("ben")
    async with ann, ben:
        group = (await ann.open("group", ["ben"]))["id"]
        await rolled(f"{OLD},{NEW}")
        issuer.secret = NEW
        # Sockets of before go on; the API learns of the new secret before anybody shows it a token of it.
        await api.stop()
        await services.start("api", port=api.port, **BRISK, CAUSERIE_JWT_SECRET=f"{OLD},{NEW}")
        await rolled(NEW)

    assert sorted(told) == [(user, seq) for user in ("ann", "ben") for seq in range(2, 10)]
    assert ann.trouble is None or "4001" not in str(ann.trouble)


async def test_a_socket_goes_on_with_a_token_of_the_new_secret(services: Services) -> None:
    gateway = await services.start(
        "gateway", CAUSERIE_JWT_SECRET=f"{OLD},{NEW}", CAUSERIE_JWT_LEEWAY_SECONDS=str(LEEWAY_SECONDS)
    )
    ends = time.time() + OLD_TOKEN_SECONDS
    async with (
        connect(f"{gateway.ws_url}/ws", additional_headers=bearer(OLD, OLD_TOKEN_SECONDS)) as staying,
        connect(f"{gateway.ws_url}/ws", additional_headers=bearer(OLD, OLD_TOKEN_SECONDS)) as leaving,
    ):
        ann, other = Socket(staying), Socket(leaving)
        await ann.event("welcome")
        await ann.do("refresh", token=issue(NEW, UserId("ann"), ttl_seconds=3600))

        assert await other.closed() == 4001
        assert time.time() >= ends
        await ann.do("ping")


async def test_the_old_secret_is_worth_nothing_in_the_end(services: Services, tmp_path: Path) -> None:
    gateway: Service = await services.start("gateway", CAUSERIE_JWT_SECRET=NEW)
    async with connect(f"{gateway.ws_url}/ws", additional_headers=bearer(OLD, 3600)) as socket:
        assert await Socket(socket).closed() == 4001


def bearer(secret: str, ttl_seconds: float) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(secret, UserId('ann'), ttl_seconds=ttl_seconds)}"}
