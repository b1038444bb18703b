"""All three stores by TLS with an authority of one's own: nothing else than their addresses is set."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from causerie.embedded.ports import Ports
from tests.cli.command import causerie
from tests.conftest import JWT_SECRET
from tests.gateway.client import token_of
from tests.support.secured import Authority, SecuredNats, tls_before
from tests.support.services import Services, get
from tests.support.waiting import eventually


@pytest.fixture
async def nats(stores_home: Path, tmp_path: Path) -> AsyncIterator[SecuredNats]:
    server = SecuredNats(stores_home, Ports(stores_home / "secured.ports"), name="secured-nats")
    server.authority = Authority.found(tmp_path / "tls")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def secured(nats: SecuredNats, database_url: str, redis_url: str) -> AsyncIterator[dict[str, str]]:
    """The addresses as `docs/operations/tls.md` writes them."""
    files = nats.authority
    async with tls_before(database_url, files) as postgres_port, tls_before(redis_url, files) as redis_port:
        # A node of a cluster says itself where it is to be reached.
        await redis(redis_url, f"CONFIG SET cluster-announce-port {redis_port}")
        yield {
            "DATABASE_URL": f"{moved(database_url, postgres_port)}?sslmode=verify-full&sslrootcert={files.authority}",
            "REDIS_URL": f"rediss://127.0.0.1:{redis_port}?ssl_ca_certs={files.authority}",
            "NATS_URL": f"tls://127.0.0.1:{urlsplit(nats.url).port}?ssl_ca_certs={files.authority}"
            f"&ssl_certfile={files.certificate}&ssl_keyfile={files.key}",
            "CAUSERIE_JWT_SECRET": JWT_SECRET,
        }
        await redis(redis_url, "CONFIG SET cluster-announce-port 0")


async def test_a_platform_works_whose_stores_speak_tls_alone(secured: dict[str, str], tmp_path: Path) -> None:
    with Services(secured, tmp_path) as services:
        api = await services.start("api")

        async def all_are_up() -> bool:
            ready = await get(api.health_port, "/ready")
            return ready is not None and set(stores_of(ready.body).values()) == {"up"}

        # It is ready without Redis and NATS too, and gives each a second before it goes on without.
        await eventually(all_are_up)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token_of('ann')}"}) as http:
            made = await http.post(f"{api.url}/v1/conversations", json={"type": "group", "member_ids": ["ben"]})
            path = f"{api.url}/v1/conversations/{made.json()['id']}/messages"
            assert (await http.post(path, json={"content": "hello"})).status_code == 201

    said = await causerie("doctor", "--data", tmp_path, **secured)
    assert said.status == 0, said.out


async def test_a_store_with_a_certificate_of_somebody_else_is_not_believed(
    secured: dict[str, str], tmp_path: Path
) -> None:
    ours, others = tmp_path / "tls" / "ca.crt", Authority.found(tmp_path / "others").authority

    said = await causerie(
        "doctor", "--data", tmp_path, **{name: value.replace(str(ours), str(others)) for name, value in secured.items()}
    )

    assert said.status == 1
    for store in ("PostgreSQL", "Redis", "NATS"):
        assert f"FAIL {store}" in said.out
        assert "CERTIFICATE_VERIFY_FAILED" in said.out


def stores_of(body: bytes) -> dict[str, str]:
    stores: dict[str, str] = json.loads(body)["stores"]
    return stores


def moved(url: str, port: int) -> str:
    place = urlsplit(url)
    return urlunsplit(place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{port}"))


async def redis(url: str, command: str) -> None:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"{command}\r\n".encode())
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
