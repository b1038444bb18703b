"""RFC 6455 and HTTP on the port itself, byte by byte."""

import json

import pytest

from tests.gateway.client import token_of
from tests.gateway.raw import BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, wire_to
from tests.support.services import Service, Services, get


async def test_a_ping_is_ponged_even_between_fragments(gateway: Service):
    async with wire_to(gateway.port) as wire:
        await wire.upgrade()
        await wire.frame(TEXT, b'{"op":', final=False)
        await wire.frame(PING, b"here?")
        await wire.frame(0, b'"ping","id":1}')

        assert await wire.read_frame() == (PONG, b"here?")
        _, answer = await wire.read_frame()
        assert json.loads(answer)["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(("code", "payload"), [(1000, b"\x03\xe8bye"), (4321, b"\x10\xe1"), (None, b"")])
async def test_a_close_is_echoed_and_the_server_hangs_up(gateway: Service, code: int | None, payload: bytes):
    async with wire_to(gateway.port) as wire:
        await wire.upgrade()
        await wire.frame(CLOSE, payload)

        assert await wire.read_frame() == (CLOSE, payload[:2])
        assert await wire.ended() == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (b"\xc1\x80abcd", 1002),
        (b"\x83\x80abcd", 1002),
        (b"\x80\x80abcd", 1002),
        (b"\x88\x81abcdx", 1002),
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),
        (b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01", 1009),
    ],
)
async def test_a_violation_is_told_and_closed_and_the_server_hangs_up(gateway: Service, data: bytes, code: int):
    async with wire_to(gateway.port) as wire:
        await wire.upgrade()
        await wire.write(data)

        opcode, told = await wire.read_frame()
        assert (opcode, json.loads(told)["event"], json.loads(told)["data"]["code"]) == (TEXT, "disconnect", code)
        assert await wire.close_code() == code
        await wire.frame(CLOSE, code.to_bytes(2, "big"))
        assert await wire.ended() == b""


async def test_binary_frames_are_not_spoken(gateway: Service):
    async with wire_to(gateway.port) as wire:
        await wire.upgrade()
        await wire.frame(BINARY, b"x")

        assert await wire.close_code() == 1003


async def test_frames_may_follow_the_handshake_in_the_same_packet(gateway: Service):
    async with wire_to(gateway.port) as wire:
        await wire.write((UPGRADE + "\r\n").encode() + b"\x89\x82\x00\x00\x00\x00hi")

        assert (await wire.head()).status == 101
        assert await wire.read_frame() == (PONG, b"hi")


async def test_ops_sent_with_the_handshake_wait_until_it_is_known_who_asks(gateway: Service, ann: str):
    async with wire_to(gateway.port) as wire:
        request = b'{"id":1,"op":"ping"}'
        frame = bytes((0x81, 0x80 | len(request), 0, 0, 0, 0)) + request
        await wire.write((UPGRADE + f"Authorization: Bearer {token_of(ann)}\r\n\r\n").encode() + frame)

        await wire.head()
        frames = [json.loads((await wire.read_frame())[1]) for _ in range(2)]
        assert frames[0]["event"] == "welcome"
        assert frames[1] == {"id": 1, "ok": True, "result": {}}


async def test_a_handshake_split_into_single_bytes_is_understood(gateway: Service):
    async with wire_to(gateway.port) as wire:
        for byte in (UPGRADE + "\r\n").encode():
            await wire.write(bytes((byte,)))

        assert (await wire.head()).status == 101


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /health HTTP/1.1", 200),
        ("HEAD /ready HTTP/1.1", 200),
        ("POST /health HTTP/1.1", 405),
        ("GET / HTTP/1.1", 404),
        ("GET /wsx HTTP/1.1", 404),
        ("GET /ws HTTP/1.1", 426),
        ("POST /ws HTTP/1.1", 405),
    ],
)
async def test_plain_http_is_answered_and_kept_alive(gateway: Service, request_line: str, status: int):
    async with wire_to(gateway.port) as wire:
        for _ in range(2):
            await wire.write(f"{request_line}\r\nHost: x\r\n\r\n")
            head = await wire.head()
            assert head.status == status
            assert head.headers["cache-control"] == "no-store"
            assert head.headers["x-content-type-options"] == "nosniff"
            if request_line.startswith("HEAD"):
                continue
            body = json.loads(await wire.body(head))
            if status >= 400:
                assert head.headers["content-type"] == "application/problem+json"
                assert (body["status"], body["request_id"]) == (status, head.headers["x-request-id"])


async def test_requests_in_one_packet_are_answered_in_order(gateway: Service):
    async with wire_to(gateway.port) as wire:
        await wire.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")

        first = await wire.head()
        await wire.body(first)
        assert (first.status, (await wire.head()).status) == (200, 404)


@pytest.mark.parametrize("garbage", ["nonsense\r\n\r\n", "GET /ws HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01"])
async def test_what_is_no_http_is_told_so_and_hung_up_on(gateway: Service, garbage: str):
    async with wire_to(gateway.port) as wire:
        await wire.write(garbage)

        assert (await wire.head()).status == 400
        await wire.ended()


async def test_a_head_over_sixteen_kibibytes_is_refused(gateway: Service):
    for whole in (True, False):
        async with wire_to(gateway.port) as wire:
            await wire.write(UPGRADE + f"X-Long: {'x' * 17_000}" + ("\r\n\r\n" if whole else ""))

            assert (await wire.head()).status in (413, 431)
            await wire.ended()


async def test_another_version_is_told_ours(gateway: Service):
    async with wire_to(gateway.port) as wire:
        await wire.write(UPGRADE.replace("Version: 13", "Version: 8") + "\r\n")
        head = await wire.head()

        assert (head.status, head.headers["sec-websocket-version"]) == (426, "13")


async def test_a_foreign_page_is_forbidden(gateway: Service):
    async with wire_to(gateway.port) as wire:
        assert (await wire.upgrade("Origin: https://evil.example")).status == 403


async def test_who_says_nothing_is_hung_up_on(own: Services):
    impatient = await own.start("gateway", CAUSERIE_HANDSHAKE_SECONDS="0.3")
    async with wire_to(impatient.port) as silent, wire_to(impatient.port) as slow:
        await slow.write("GET /ws HTTP/1.1\r\nHost: ")

        assert await silent.ended() == b""
        assert await slow.ended() == b""


async def test_the_service_port_and_the_health_port_say_the_same(gateway: Service):
    for path in ("/health", "/ready"):
        here, there = await get(gateway.port, path), await get(gateway.health_port, path)

        assert here == there
        assert here is not None
        assert here.status == 200
