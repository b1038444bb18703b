"""What a request may not look like, and what each mistake is answered."""

import json

import httpx
import pytest

from causerie.domain.limits import MAX_BODY_BYTES

JSON = {"Content-Type": "application/json"}

BODIES = [
    # (body, headers, status, code)
    (b"", JSON, 400, "invalid_json"),
    (b"{", JSON, 400, "invalid_json"),
    (b'{"content":"x"} {}', JSON, 400, "invalid_json"),
    (b'{"content":"x","content":"y"}', JSON, 400, "invalid_json"),
    (b'{"content":"x","metadata":{"a":1,"a":2}}', JSON, 400, "invalid_json"),
    (b'{"content":"x","metadata":{"a":NaN}}', JSON, 400, "invalid_json"),
    (b'{"content":"x","metadata":{"a":Infinity}}', JSON, 400, "invalid_json"),
    (b'\xef\xbb\xbf{"content":"x"}', JSON, 400, "invalid_json"),
    (b'{"content":"\xff"}', JSON, 400, "invalid_json"),
    (b'{"content":"\xed\xa0\x80"}', JSON, 400, "invalid_json"),
    (b'{"content":"a\nb"}', JSON, 400, "invalid_json"),
    (b"{'content':'x'}", JSON, 400, "invalid_json"),
    (b"[" * 60_000, JSON, 400, "invalid_json"),
    ('{"content":"x"}'.encode("utf-16"), JSON, 400, "invalid_json"),
    (b"[]", JSON, 422, "invalid_request"),
    (b'"x"', JSON, 422, "invalid_request"),
    (b"null", JSON, 422, "invalid_request"),
    (b"{}", JSON, 422, "invalid_request"),
    (b'{"content":null}', JSON, 422, "invalid_request"),
    (b'{"content":7}', JSON, 422, "invalid_request"),
    (b'{"content":""}', JSON, 422, "invalid_request"),
    (b'{"content":" \\n\\t"}', JSON, 422, "invalid_request"),
    (b'{"content":"a\\u0000b"}', JSON, 422, "invalid_request"),
    (b'{"content":"\\ud800"}', JSON, 422, "invalid_request"),
    (json.dumps({"content": "x" * 16_385}).encode(), JSON, 422, "invalid_request"),
    (json.dumps({"content": "é" * 8_193}, ensure_ascii=False).encode(), JSON, 422, "invalid_request"),
    (b'{"content":"x","colour":"red"}', JSON, 422, "invalid_request"),
    (b'{"content":"x","\\ud800":1}', JSON, 422, "invalid_request"),
    (b'{"content":"x","type":"poem"}', JSON, 422, "invalid_request"),
    (b'{"content":"x","metadata":[]}', JSON, 422, "invalid_request"),
    (b'{"content":"x","metadata":{"a":1e999}}', JSON, 422, "invalid_request"),
    (b'{"content":"x","metadata":{"a":99999999999999999999}}', JSON, 422, "invalid_request"),
    (json.dumps({"content": "x", "metadata": {"a": "x" * 4_096}}).encode(), JSON, 422, "invalid_request"),
    (b'{"content":"x","metadata":' + b'{"a":' * 16 + b"{}" + b"}" * 17, JSON, 422, "invalid_request"),
    (b'{"content":"x","reply_to_id":"7"}', JSON, 422, "invalid_request"),
    (b'{"content":"x","client_id":""}', JSON, 422, "invalid_request"),
    (b'{"content":"x","client_id":"\xc3\xa9"}', JSON, 422, "invalid_request"),
    (json.dumps({"content": "x", "client_id": "k" * 65}).encode(), JSON, 422, "invalid_request"),
    (b'{"content":"x","attachment_ids":["7"]}', JSON, 422, "invalid_request"),
    (b'{"content":"x","client_id":"a"}', JSON | {"Idempotency-Key": "b"}, 422, "invalid_request"),
    (b'{"content":"x"}', JSON | {"Idempotency-Key": ""}, 422, "invalid_request"),
    (b'{"content":"x"}', JSON | {"Idempotency-Key": "k" * 65}, 422, "invalid_request"),
    (b'{"content":"x"}', {}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', {"Content-Type": "application/jsonp"}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', {"Content-Type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', JSON | {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
    (b'{"content":"x"}', JSON | {"Content-Encoding": "identity"}, 415, "unsupported_media_type"),
    (b'{"content":"' + b"x" * MAX_BODY_BYTES + b'"}', JSON, 413, "payload_too_large"),
    (b" " * 3_000_000, JSON, 413, "payload_too_large"),
    (b"x" * MAX_BODY_BYTES * 2, {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
]


@pytest.fixture
async def conversation(ann, ben):
    return await ann.opens("direct", ben)


@pytest.mark.parametrize(("body", "headers", "status", "code"), BODIES, ids=lambda value: repr(value)[:40])
async def test_a_bad_body_is_refused_by_its_rule_and_changes_nothing(ann, conversation, body, headers, status, code):
    path = f"/v1/conversations/{conversation}/messages"

    answer = await ann.http.post(path, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    if status == 422:
        assert answer.json()["errors"]
    assert (await ann.get(path)).json()["items"] == []


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON", 'application/json ; charset="UTF-8"'])
async def test_json_is_json_however_it_is_spelt(ann, conversation, content_type):
    answer = await ann.http.post(
        f"/v1/conversations/{conversation}/messages",
        content=b'\r\n {"content":"x"}\t',
        headers={"Content-Type": content_type},
    )

    assert answer.status_code == 201


async def test_a_body_that_grows_too_large_on_its_way_is_refused_and_the_connection_lives_on(ann, conversation):
    async def endless():
        yield b'{"content":"'
        for _ in range(40):
            yield b"x" * 10_000
        yield b'"}'

    path = f"/v1/conversations/{conversation}/messages"
    answer = await ann.http.post(path, content=endless(), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert (await ann.get(path)).json()["items"] == []


async def test_a_body_of_exactly_64_kib_is_read(ann, conversation):
    body = b'{"content":"x"}'.ljust(MAX_BODY_BYTES)

    answer = await ann.http.post(f"/v1/conversations/{conversation}/messages", content=body, headers=JSON)

    assert answer.status_code == 201


async def test_everything_wrong_is_told_at_once(ann, conversation):
    answer = await ann.post(
        f"/v1/conversations/{conversation}/messages", {"content": "", "type": "poem", "colour": "red"}
    )

    assert [error["field"] for error in answer.json()["errors"]] == ["content", "type", "colour"]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/conversations", {"limit": "0"}),
        ("/v1/conversations", {"limit": "101"}),
        ("/v1/conversations", {"limit": "ten"}),
        ("/v1/conversations", {"limit": ""}),
        ("/v1/conversations", {"offset": "-1"}),
        ("/v1/conversations", {"offset": "10001"}),
        ("/v1/conversations", {"type": "room"}),
        ("/v1/conversations", {"archived": "maybe"}),
        ("/v1/conversations", {"context_id": "\0"}),
        ("/v1/sync", {"limit": "1000"}),
        ("/v1/sync", {"limit": "1.5"}),
        ("/v1/conversations/{id}/messages", {"limit": "101"}),
        ("/v1/conversations/{id}/messages", {"before_seq": "-1"}),
        ("/v1/conversations/{id}/messages", {"before_seq": "9" * 30}),
        ("/v1/conversations/{id}/messages", {"before_seq": "5", "after_seq": "1"}),
        ("/v1/conversations/{id}/messages", {"around_seq": "x"}),
        ("/v1/conversations/{id}/events", {"after_seq": "-1"}),
        ("/v1/conversations/{id}/members", {"limit": "0"}),
        ("/v1/conversations/{id}/receipts", {"limit": "0"}),
    ],
)
async def test_a_parameter_out_of_range_is_refused_never_clamped(ann, conversation, path, params):
    answer = await ann.get(path.format(id=conversation), **params)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"]


async def test_unknown_parameters_are_passed_over(ann):
    assert (await ann.get("/v1/conversations", colour="red")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/conversations", "GET, HEAD, POST"),
        ("POST", "/v1/sync", "GET, HEAD"),
        ("GET", "/v1/tickets", "POST"),
        ("PUT", "/v1/conversations/x/messages", "GET, HEAD, POST"),
        ("GET", "/v1/messages/x", "DELETE, PUT"),
        ("OPTIONS", "/v1/unread", "GET, HEAD"),
        ("TRACE", "/v1/unread", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_path_says_which_methods_it_takes(ann, method, path, allow):
    answer = await ann.http.request(method, path)

    assert (answer.status_code, answer.json()["code"], answer.headers["Allow"]) == (405, "method_not_allowed", allow)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v2/conversations",
        "/v1/conversations/",
        "/v1//conversations",
        "/V1/conversations",
        "/v1/nothing",
        "/v1/conversations/x/y/z",
        "/docs",
        "/v1/admin/stats",
        "/v1/..%2fhealth",
    ],
)
async def test_a_path_that_is_none_is_a_problem_like_any_other(ann, path):
    answer = await ann.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["join", "leave", "typing"], ids=["join a channel", "leave a channel", "type in a channel"]
)
async def test_where_no_body_is_needed_none_an_empty_one_and_an_empty_object_are_the_same(ann, path):
    channel = await ann.opens("channel", name="News")
    url = f"/v1/conversations/{channel}/{path}"

    assert (await ann.http.post(url, content=b"[]", headers=JSON)).status_code == 422
    assert (await ann.http.post(url, content=b'{"x":1}', headers=JSON)).status_code == 422
    assert (await ann.http.post(url, content=b"{", headers=JSON)).status_code == 400
    assert (await ann.http.post(url, content=b"{}")).status_code == 415
    assert (await ann.http.post(url, content=b"", headers=JSON)).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic YTpi", "bearer a.b.c", "Bearer " + "x" * 9_000, "Token {token}"],
)
async def test_nobody_gets_in_without_a_good_token(api, ann, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.format(token=ann.token)}

    async with httpx.AsyncClient(base_url=api.url) as stranger:
        answer = await stranger.get("/v1/conversations", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_expired_token_lets_nobody_in(people):
    assert (await people("ann", ttl_seconds=-31).get("/v1/unread")).status_code == 401
    assert (await people("ann", ttl_seconds=-20).get("/v1/unread")).status_code == 200
