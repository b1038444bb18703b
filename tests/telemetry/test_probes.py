import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from causerie import probes
from causerie.probes import Probes, Ready


class Process:
    """What the probes are asked about."""

    def __init__(self) -> None:
        self.ready = Ready(True, {"postgresql": "up", "redis": "up", "nats": "up"})


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
async def listener(process) -> AsyncIterator[Probes]:
    listener = Probes("worker", lambda: process.ready)
    await listener.start("127.0.0.1", 0)
    yield listener
    await listener.stop()


async def exchange(listener: Probes, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(request)
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def get(listener: Probes, path: str) -> tuple[int, dict[str, object]]:
    status, headers, body = await exchange(listener, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert int(headers["Content-Length"]) == len(body)
    return status, json.loads(body)


async def test_a_living_process_says_so(listener):
    assert await get(listener, "/health") == (200, {"status": "alive", "service": "worker"})


async def test_ready_names_every_store(listener):
    status, body = await get(listener, "/ready")

    assert status == 200
    assert body == {
        "status": "ready",
        "service": "worker",
        "stores": {"postgresql": "up", "redis": "up", "nats": "up"},
    }


async def test_a_store_that_is_away_is_named_and_flips_nothing(listener, process):
    process.ready = Ready(True, {"redis": "away"})

    status, body = await get(listener, "/ready")

    assert status == 200
    assert body["stores"] == {"redis": "away"}


async def test_a_draining_process_is_alive_but_not_ready(listener, process):
    process.ready = Ready(False, {"redis": "up"}, "draining")

    assert (await get(listener, "/health"))[0] == 200
    status, body = await get(listener, "/ready?verbose=1")
    assert status == 503
    assert (body["status"], body["detail"]) == ("not ready", "draining")


async def test_metrics_are_text_for_prometheus(listener):
    status, headers, _ = await exchange(listener, b"GET /metrics HTTP/1.0\r\n\r\n")

    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_head_is_answered_without_a_body(listener):
    status, headers, body = await exchange(listener, b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", 404),
        (b"GET /healthy HTTP/1.1", 404),
        (b"POST /health HTTP/1.1", 405),
        (b"DELETE /metrics HTTP/1.1", 405),
        (b"GET /health", 400),
        (b"GET /health HTTP/2.0", 400),
        (b"\x16\x03\x01\x00", 400),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 9_000, 431),
    ],
)
async def test_what_is_no_probe_is_refused(listener, request_line, status):
    answered, headers, _ = await exchange(listener, request_line + b"\r\nHost: x\r\n\r\n")

    assert answered == status
    assert ("Allow" in headers) == (status == 405)


async def test_a_slow_asker_is_cut_off_and_holds_up_nobody(process):
    listener = Probes("worker", lambda: process.ready, head_seconds=0.2)
    await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET /health HTTP/1.1\r\n")

    assert (await get(listener, "/health"))[0] == 200
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    await listener.stop()


async def test_too_many_askers_are_closed_at_once(listener):
    waiting = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(probes.MAX_CONNECTIONS + 5)]

    async with asyncio.timeout(3):
        ends = [asyncio.create_task(reader.read()) for reader, _ in waiting]
        done, pending = await asyncio.wait(ends, timeout=1)
    assert len(done) == 5
    for task in pending:
        task.cancel()
    for _, writer in waiting:
        writer.close()


async def test_a_taken_port_stops_the_start(listener):
    with pytest.raises(OSError):
        await Probes("worker", lambda: Ready(True)).start("127.0.0.1", listener.port)


async def test_stopping_leaves_no_task_and_no_port(process):
    listener = Probes("worker", lambda: process.ready)
    await listener.start("127.0.0.1", 0)
    port = listener.port
    before = asyncio.all_tasks()

    await listener.stop()

    assert len(asyncio.all_tasks()) == len(before) - 1
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
