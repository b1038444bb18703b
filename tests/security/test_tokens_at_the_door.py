"""No forged token opens a door: at the API, and at the gateway in all four ways to show one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from causerie import settings
from causerie.settings import AuthSettings, SettingsError
from tests.security.forgeries import AUDIENCE, FORGERIES, ISSUER, key_set, public, shared
from tests.security.http import client_of
from tests.support.services import Service, Services
from tests.test_tokens import KeySource


@pytest.fixture(scope="module")
def key_source() -> Iterator[KeySource]:
    source = KeySource()
    source.document = key_set()
    yield source
    source.close()


@pytest.fixture(scope="module")
def strict(
    house_environment: dict[str, str], key_source: KeySource, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Service]]:
    """An API and a gateway that believe a secret and a key source, and have an audience and an issuer."""
    picky = {
        "CAUSERIE_JWKS_URL": key_source.url,
        "CAUSERIE_JWT_AUDIENCE": AUDIENCE,
        "CAUSERIE_JWT_ISSUER": ISSUER,
        "CAUSERIE_COOKIE": "token",
    }
    with Services(house_environment | picky, tmp_path_factory.mktemp("strict")) as services:

        async def start() -> tuple[Service, Service]:
            return await services.start("api"), await services.start("gateway")

        yield asyncio.run(start())


@pytest.fixture
async def http(strict: tuple[Service, Service]) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(strict[0].url, timeout=5) as client:
        yield client


def as_header(token: str) -> str:
    return f"Bearer {token}".strip()


@pytest.mark.parametrize("token", [shared, public], ids=["by the secret", "by the key source"])
async def test_a_sound_token_is_believed(strict: tuple[Service, Service], http: httpx.AsyncClient, token):
    headers = {"Authorization": as_header(token())}

    assert (await http.get("/v1/unread", headers=headers)).status_code == 200
    assert await entered(strict[1], additional_headers=headers)


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_answered_401_by_the_api(http: httpx.AsyncClient, name: str):
    token = FORGERIES[name]()

    by_header = await http.get("/v1/unread", headers={"Authorization": as_header(token)})
    by_cookie = await http.get("/v1/unread", headers={"Cookie": f"token={token}", "Sec-Fetch-Site": "same-origin"})

    for answer in (by_header, by_cookie):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert not token or token not in answer.text


async def entered(gateway: Service, first: dict[str, object] | None = None, **way: object) -> bool:
    """Whether a welcome came; if not, the close must be 4001."""
    async with connect(f"{gateway.ws_url}{way.pop('path', '/ws')}", compression=None, **way) as socket:
        if first is not None:
            await socket.send(json.dumps(first))
        try:
            async with asyncio.timeout(5):
                while True:
                    frame = json.loads(await socket.recv())
                    if frame.get("event") == "welcome":
                        return True
                    assert not frame.get("ok")
        except ConnectionClosed:
            assert socket.close_code == 4001
            return False


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_ends_a_socket_with_4001(strict: tuple[Service, Service], name: str):
    token, gateway = FORGERIES[name](), strict[1]
    is_word = token.replace(".", "").replace("-", "").replace("_", "").isalnum()

    ways = [
        entered(gateway, additional_headers={"Authorization": as_header(token)}),
        entered(gateway, {"id": 1, "op": "auth", "token": token}),
        entered(gateway, path=f"/ws?ticket={token.replace(' ', '+')}"),
        *([entered(gateway, subprotocols=["causerie.v1", f"bearer.{token}"])] if is_word else []),
    ]

    assert await asyncio.gather(*ways) == [False] * len(ways)


async def test_the_gateway_reads_no_token_larger_than_its_head(strict: tuple[Service, Service]):
    async with connect(f"{strict[1].ws_url}/ws", compression=None) as socket:
        await socket.send(json.dumps({"id": 1, "op": "auth", "token": "x" * 17_000}))

        assert json.loads(await socket.recv())["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("secret", ["x" * 31, "é" * 15, f"{'x' * 40},{'y' * 31}"])
def test_a_secret_of_fewer_than_32_bytes_stops_the_start(secret: str):
    with pytest.raises(SettingsError, match="at least 32 bytes") as refused:
        AuthSettings.read({"CAUSERIE_JWT_SECRET": secret})

    assert secret not in str(refused.value)
    assert settings.MIN_SECRET_BYTES == 32
