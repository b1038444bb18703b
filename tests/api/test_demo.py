"""The demo page's part of the API: for one's own machine, nowhere else."""

import asyncio

import httpx
import pytest


@pytest.fixture(scope="module")
def demo_api(api_services):
    return asyncio.run(
        api_services.start(
            "api", CAUSERIE_DEMO="1", CAUSERIE_GATEWAY_URL="ws://127.0.0.1:8081", CAUSERIE_HOST="0.0.0.0"
        )
    )


@pytest.fixture
async def visitor(demo_api):
    async with httpx.AsyncClient(base_url=demo_api.url) as http:
        yield http


async def test_a_name_is_all_it_takes_to_become_somebody(visitor, demo_api):
    got = await visitor.post("/demo/token", json={"name": "  Ann Müller "})

    assert (got.status_code, got.json()["user_id"]) == (200, "ann-m-ller")
    unread = await visitor.get("/v1/unread", headers={"Authorization": f"Bearer {got.json()['token']}"})
    assert unread.status_code == 200


async def test_the_page_learns_where_a_gateway_is(visitor):
    assert (await visitor.get("/demo/config")).json() == {"gateway_url": "ws://127.0.0.1:8081"}


@pytest.mark.parametrize(
    ("body", "status"), [({}, 422), ({"name": ""}, 422), ({"name": "…"}, 422), ({"name": 7}, 422), ([], 422)]
)
async def test_a_name_must_be_one(visitor, body, status):
    assert (await visitor.post("/demo/token", json=body)).status_code == status


async def test_what_comes_through_a_proxy_finds_nothing(visitor):
    for header in ("X-Forwarded-For", "Forwarded"):
        answer = await visitor.post("/demo/token", json={"name": "Ann"}, headers={header: "203.0.113.9"})
        assert answer.status_code == 404


async def test_the_page_is_served(visitor):
    answer = await visitor.get("/demo/")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (await visitor.get("/demo/style.css")).status_code == 200


async def test_the_client_of_the_page_is_served(visitor):
    answer = await visitor.get("/demo/client/index.js")

    assert answer.status_code == 200
    assert "javascript" in answer.headers["Content-Type"]
    assert (await visitor.get("/demo/client/nothing.js")).json()["code"] == "not_found"
    assert (await visitor.get("/demo/client/../../pyproject.toml")).status_code == 404
    assert (await visitor.get("/demo/client/%2e%2e/%2e%2e/pyproject.toml")).status_code == 404


async def test_without_the_demo_there_is_none(api):
    async with httpx.AsyncClient(base_url=api.url) as http:
        for path in ("/demo/", "/demo/config", "/demo/token", "/demo/client/index.js"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post("/demo/token", json={"name": "Ann"})).status_code == 404
