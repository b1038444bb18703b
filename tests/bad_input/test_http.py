"""HTTP that is none, or means two things: refused on both service ports, and nothing behind it is obeyed."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from tests.bad_input.malformed_http import CASES, CHUNKED, SMUGGLED, Case, chunked, post
from tests.gateway.client import token_of
from tests.security.house import House
from tests.support.services import Service, get

HANG_SECONDS = 5.0
QUIET_SECONDS = 0.15
"""After the answers that are due: would another one come?"""
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


async def answers(port: int, data: bytes, wanted: int, *, ends: bool) -> tuple[tuple[int, ...], bool, float]:
    """The statuses that came, whether the server hung up, and how long it took; one that `ends` is waited for."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    came, ended = b"", False
    try:
        writer.write(data)
        timeout = HANG_SECONDS
        while not ended:
            async with asyncio.timeout(timeout):
                more = await reader.read(65_536)
            came, ended = came + more, not more
            if not ends and len(_STATUS.findall(came)) >= wanted:
                timeout = QUIET_SECONDS
    except TimeoutError:
        pass
    except OSError:
        ended = True  # It hung up while we were still writing.
    finally:
        writer.transport.abort()
    return tuple(map(int, _STATUS.findall(came))), ended, time.monotonic() - started


@pytest.mark.parametrize("port", ["api", "gateway"])
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_could_mean_two_things_is_refused_and_the_next_client_answered(house: House, case: Case, port: str):
    service: Service = getattr(house, port)
    expected = case.api if port == "api" else case.gateway

    statuses, ended, seconds = await answers(service.port, case.data, len(expected), ends=case.ends)

    # Who still writes when we hang up may see the connection break instead of the answer.
    assert statuses == expected or (statuses == () and ended and len(case.data) > 100_000)
    assert ended or not case.ends
    assert seconds < HANG_SECONDS
    assert (await get(service.port, "/health", timeout_seconds=HANG_SECONDS)).status == 200


async def test_what_comes_behind_a_body_is_no_header(house: House):
    """A proxy checks the head; a trailer that counted would pass it by."""
    trailer = f"Authorization: Bearer {token_of('mallory')}\r\n".encode()

    statuses, _, _ = await answers(house.api.port, chunked(b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n"), 1, ends=False)

    assert statuses == (401,)


async def test_a_fault_behind_an_answer_gets_no_second_answer(house: House):
    """It would be taken for the answer to whatever a proxy sends next on this connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.api.port)
    writer.write(post(CHUNKED))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")

    writer.write(b"zz\r\n" + SMUGGLED)
    async with asyncio.timeout(HANG_SECONDS):
        rest = await reader.read()
    writer.close()

    assert not _STATUS.findall(rest)


async def test_who_asks_and_asks_without_reading_is_not_listened_to(house: House):
    """Else answers would pile up in the gateway for as long as somebody asks."""
    for service in (house.gateway, house.api):
        before = resident_bytes(service.pid)
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.transport.pause_reading()
        try:
            async with asyncio.timeout(1.5):
                for _ in range(200):
                    writer.write(SMUGGLED * 1_000)
                    await writer.drain()
        except (TimeoutError, OSError):
            pass

        assert resident_bytes(service.pid) - before < 8_000_000
        writer.transport.abort()


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
