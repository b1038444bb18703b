"""The commands an operator runs once: schema, partitions, token, doctor."""

import os
import socket
import sys

import jwt
import psutil
import pytest

from tests.cli.command import REPOSITORY, causerie
from tests.conftest import JWT_SECRET
from tests.support.waiting import eventually


@pytest.fixture
def store_urls(database_url, redis_url, nats_url) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "NATS_URL": nats_url}


async def test_migrate_goes_up_says_where_it_is_and_goes_down(empty_database_url):
    before = await causerie("migrate", "status", DATABASE_URL=empty_database_url)
    assert before.status == 1
    assert "pending  000001_init" in before.out

    assert "applied 000001_init" in (await causerie("migrate", "up", DATABASE_URL=empty_database_url)).out
    again = await causerie("migrate", "up", DATABASE_URL=empty_database_url)
    assert (again.status, again.out) == (0, "the schema is up to date\n")

    after = await causerie("migrate", "status", DATABASE_URL=empty_database_url)
    assert after.status == 0
    assert "applied  000001_init" in after.out

    assert "undid 000001_init" in (await causerie("migrate", "down", "99", DATABASE_URL=empty_database_url)).out
    assert (await causerie("migrate", "status", DATABASE_URL=empty_database_url)).status == 1


async def test_partitions_are_reported_and_made(database_url):
    assert (await causerie("partitions", "check", DATABASE_URL=database_url)).status == 0
    short = await causerie("partitions", "check", "--months-ahead", "5", DATABASE_URL=database_url)
    assert short.status == 1
    assert "fewer than 5 months ahead" in short.out

    made = await causerie("partitions", "ensure", "--months-ahead", "5", DATABASE_URL=database_url)
    assert made.status == 0
    assert made.out.count("created messages_y") == 2

    assert (await causerie("partitions", "check", "--months-ahead", "5", DATABASE_URL=database_url)).status == 0
    assert (
        await causerie("partitions", "retain", "--months", "6", DATABASE_URL=database_url)
    ).out == "nothing is old enough\n"


async def test_a_command_that_needs_a_database_says_so(tmp_path):
    for command in (["migrate", "up"], ["partitions", "check"]):
        ran = await causerie(*command, "--data", tmp_path)

        assert ran.status == 1
        assert ran.err == f"causerie: DATABASE_URL is not set, and no `causerie run` is running in {tmp_path}\n"


async def test_a_database_that_is_away_is_said_in_one_line():
    ran = await causerie("migrate", "up", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")

    assert ran.status == 1
    assert ran.err.startswith("causerie: PostgreSQL cannot be reached")
    assert ran.err.count("\n") == 1


async def test_a_token_says_who_and_for_how_long(tmp_path):
    ran = await causerie(
        *("token", "ann", "--scope", "admin", "--ttl", "30m", "--name", "Ann", "--data", tmp_path),
        CAUSERIE_JWT_SECRET=JWT_SECRET,
    )

    claims = jwt.decode(ran.out.strip(), JWT_SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["name"]) == ("ann", "Ann")
    assert "admin" in claims["scope"].split()
    assert claims["exp"] - claims["iat"] == 1800


@pytest.mark.parametrize(
    ("user", "environment", "complaint"),
    [
        ("ann", {}, "no secret: set CAUSERIE_JWT_SECRET, or start `causerie run` once"),
        ("ann", {"CAUSERIE_JWT_SECRET": "short"}, "CAUSERIE_JWT_SECRET must be at least 32 bytes"),
        ("ann smith", {"CAUSERIE_JWT_SECRET": JWT_SECRET}, "'ann smith' cannot be a user id"),
    ],
)
async def test_a_token_that_cannot_be_made_says_why(user, environment, complaint, tmp_path):
    ran = await causerie("token", user, "--data", tmp_path, **environment)

    assert ran.status != 0
    assert ran.out == ""
    assert complaint in ran.err


async def test_the_doctor_finds_a_healthy_installation_healthy(store_urls, tmp_path):
    ran = await causerie("doctor", "--data", tmp_path, CAUSERIE_JWT_SECRET=JWT_SECRET, **store_urls)

    assert ran.status == 0, ran.out
    told = {line.split()[1]: line for line in ran.out.splitlines()}
    assert list(told) == ["Python", "settings", "PostgreSQL", "schema", "partitions", "Redis", "NATS"]
    assert all(line.startswith("ok ") for line in told.values())
    assert "all slots served" in told["Redis"]
    assert "with JetStream" in told["NATS"]


async def test_the_doctor_names_everything_that_is_wrong(empty_database_url, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ran = await causerie(
            *("doctor", "--data", tmp_path),
            DATABASE_URL=empty_database_url,
            REDIS_URL="redis://127.0.0.1:1",
            NATS_URL=f"nats://127.0.0.1:{mute.getsockname()[1]}",
        )

    assert ran.status == 1
    told = {line.split()[1]: line for line in ran.out.splitlines()}
    assert told["settings"].startswith("FAIL settings    neither CAUSERIE_JWT_SECRET nor CAUSERIE_JWKS_URL is set")
    assert told["PostgreSQL"].startswith("ok ")
    assert "pending; `causerie migrate up`" in told["schema"]
    assert told["partitions"].startswith("FAIL ")
    assert told["Redis"].startswith("FAIL Redis       at 127.0.0.1:1: ")
    assert told["NATS"] == "FAIL NATS        no answer within 5 s"


async def test_the_doctor_never_shows_a_password(database_url, tmp_path):
    password = database_url.split("@")[0].rpartition(":")[2]

    ran = await causerie("doctor", "--data", tmp_path, DATABASE_URL=database_url)
    assert password not in ran.out + ran.err

    ran = await causerie(
        *("doctor", "--data", tmp_path),
        DATABASE_URL=database_url,
        REDIS_URL=f"redis://:{password}@127.0.0.1:1",
        NATS_URL=f"nats://me:{password}@127.0.0.1:1",
    )
    assert password not in ran.out + ran.err


@pytest.mark.parametrize(("given", "taken"), [({}, "malloc"), ({"PYTHONMALLOC": "pymalloc"}, "pymalloc")])
async def test_a_gateway_gives_back_pages_unless_its_operator_wants_something_else(given, taken):
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}
    environment = nowhere | {"NATS_URL": "nats://127.0.0.1:1", "CAUSERIE_JWT_SECRET": JWT_SECRET, "PORT": "0"}
    process = psutil.Popen(
        [sys.executable, "-m", "causerie", "gateway"],
        env={"PATH": os.environ["PATH"], "CAUSERIE_HEALTH_PORT": "0", **environment, **given},
        cwd=REPOSITORY,
    )
    try:
        await eventually(lambda: "services.gateway" in process.cmdline(), timeout_seconds=30)
        assert process.environ().get("PYTHONMALLOC") == taken
    finally:
        process.kill()
        process.wait()
