"""What every answer carries: request id, limits, safety headers, CORS; and who may use a cookie."""

import asyncio
import re

import httpx
import pytest

OWN_PAGE = "https://chat.example.org"


@pytest.fixture(scope="module")
def strict_api(api_services):
    """An API with named origins, a cookie and small limits."""
    return asyncio.run(
        api_services.start(
            "api",
            CAUSERIE_ALLOWED_ORIGINS=f"{OWN_PAGE},http://localhost:3000",
            CAUSERIE_COOKIE="session",
            CAUSERIE_REQUESTS_PER_SECOND="5",
            CAUSERIE_SENDS_PER_SECOND="2",
            CAUSERIE_SENDS_BURST="3",
        )
    )


@pytest.mark.parametrize("path", ["/v1/unread", "/v1/nothing", "/health", "/ready", "/openapi.json"])
async def test_every_answer_names_its_request_and_its_limits(ann, path):
    answer = await ann.get(path)

    headers = answer.headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers
    assert int(headers["X-RateLimit-Limit"]) == 100
    assert 0 <= int(headers["X-RateLimit-Remaining"]) <= 100
    assert int(headers["X-RateLimit-Reset"]) >= 0
    if answer.status_code >= 400:
        assert answer.json()["request_id"] == headers["X-Request-ID"]


@pytest.mark.parametrize("id", ["abc", "A1._:-", "x" * 64])
async def test_a_safe_request_id_of_the_client_is_kept(ann, id):
    answer = await ann.http.get("/v1/nothing", headers={"X-Request-ID": id})

    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == id


@pytest.mark.parametrize("id", ["", "a b", "x" * 65, "<script>", 'a"b', "a\tb", "é"])
async def test_an_unsafe_request_id_is_replaced(ann, id):
    answer = await ann.http.get("/v1/nothing", headers={"X-Request-ID": id.encode()})

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


async def test_head_is_get_without_its_body(ann):
    got, headed = await ann.get("/v1/unread"), await ann.http.head("/v1/unread")

    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["Content-Length"] == got.headers["Content-Length"]


async def test_health_and_readiness_answer_on_the_service_port_too(ann):
    health, ready = await ann.get("/health"), await ann.get("/ready")

    assert (health.status_code, health.json()["status"]) == (200, "alive")
    assert (ready.status_code, ready.json()["stores"]) == (200, {"postgresql": "up", "redis": "up", "nats": "up"})


async def test_too_many_requests_are_refused_with_the_time_to_come_back(people, strict_api):
    ann = people("ann", url=strict_api.url)

    answers = [await ann.get("/v1/unread") for _ in range(12)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert refused[0].json()["retryable"] is True
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"
    assert [int(answer.headers["X-RateLimit-Limit"]) for answer in answers[:2]] == [5, 5]
    assert (await people("ben", url=strict_api.url).get("/v1/unread")).status_code == 200


async def test_sends_have_a_limit_of_their_own(people, strict_api):
    ann, ben = people("ann", url=strict_api.url), people("ben")
    path = f"/v1/conversations/{await ann.opens('direct', ben)}/messages"

    statuses = [(await ann.post(path, {"content": "x"})).status_code for _ in range(6)]

    assert statuses[:3] == [201] * 3
    assert 429 in statuses
    assert (await ann.get(path)).status_code == 200


async def test_a_page_that_may_ask_is_told_so(api, strict_api):
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    async with httpx.AsyncClient(base_url=strict_api.url) as browser:
        asked = await browser.options("/v1/conversations", headers=preflight | {"Origin": OWN_PAGE})
        got = await browser.get("/v1/unread", headers={"Origin": OWN_PAGE})
        foreign = await browser.options("/v1/conversations", headers=preflight | {"Origin": "https://evil.example"})
        unread = await browser.get("/v1/unread", headers={"Origin": "https://evil.example"})

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == OWN_PAGE
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    for name in ("Authorization", "Content-Type", "Idempotency-Key"):
        assert name in asked.headers["Access-Control-Allow-Headers"]
    assert asked.headers["Access-Control-Allow-Credentials"] == "true"
    assert got.status_code == 401
    assert got.headers["Access-Control-Allow-Origin"] == OWN_PAGE
    assert "Retry-After" in got.headers["Access-Control-Expose-Headers"]
    assert "Origin" in got.headers["Vary"]
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    for answer in (foreign, unread):
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_without_named_origins_only_pages_of_the_same_host_may_ask(api):
    host = api.url.removeprefix("http://")
    async with httpx.AsyncClient(base_url=api.url) as browser:
        own = await browser.get("/health", headers={"Origin": f"http://{host}"})
        foreign = await browser.get("/health", headers={"Origin": "http://other.example"})
        nowhere = await browser.get("/health", headers={"Origin": "null"})

    assert own.headers["Access-Control-Allow-Origin"] == f"http://{host}"
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Access-Control-Allow-Origin" not in nowhere.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OWN_PAGE}, 200),
        ({"Origin": "http://LOCALHOST:3000"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 401),
        ({"Origin": "https://evil.example"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": f"{OWN_PAGE}.evil.example"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Origin": OWN_PAGE, "Authorization": "Bearer nonsense"}, 401),
    ],
)
async def test_a_cookie_counts_only_from_a_page_that_may_use_it(people, strict_api, headers, status):
    cookie = {"Cookie": f"other=1; session={people('cook').token}"}

    async with httpx.AsyncClient(base_url=strict_api.url) as browser:
        answer = await browser.get("/v1/unread", headers=headers | cookie)

    assert answer.status_code == status


async def test_no_cookie_counts_where_none_is_named(api, ann):
    async with httpx.AsyncClient(base_url=api.url) as browser:
        answer = await browser.get("/v1/unread", headers={"Origin": api.url, "Cookie": f"session={ann.token}"})

    assert answer.status_code == 401


async def test_metrics_name_routes_never_ids(api, ann, ben):
    conversation = await ann.opens("direct", ben)
    await ann.says(conversation, "hi")
    await ann.get("/v1/" + "x" * 50)

    metrics = await api.metrics()

    assert 'http_route="/v1/conversations/{conversation_id}/messages"' in metrics
    assert conversation not in metrics
    assert ann.id not in metrics
    assert "xxxxx" not in metrics
    assert 'causerie_errors_total{code="not_found"}' in metrics
    accepted = next(line for line in metrics.splitlines() if line.startswith("causerie_messages_accepted_total "))
    assert float(accepted.split()[1]) >= 1


async def test_a_request_goes_on_the_trace_of_its_client(services, people):
    api = await services.start("api", OTEL_TRACES_EXPORTER="console")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ann = people("ann", url=api.url)

    await ann.http.get("/v1/unread", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-ID": "r-1"})
    await api.stop()

    spans = api.log_text()
    assert trace in spans
    assert "GET /v1/unread" in spans
    assert "r-1" in spans
