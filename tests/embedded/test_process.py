"""How a process ends for `causerie run` and the tests: it goes when asked, or is made to go and that is told."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from causerie.embedded.process import Process

SAYS_AND_WAITS = "print('here', flush=True); time.sleep(60)"
DEAF = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAYS_AND_WAITS}"
Start = Callable[..., Process]


@pytest.fixture
def started() -> Iterator[Start]:
    processes: list[Process] = []

    def start(program: str, *, patience_seconds: float = 10.0) -> Process:
        command = [sys.executable, "-I", "-S", "-c", f"import signal, time; {program}"]
        processes.append(Process("it", command, ladder=[(signal.SIGTERM, patience_seconds)]))
        processes[-1].start()
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.output.close()


async def said(process: Process) -> bytes:
    return await asyncio.to_thread(process.output.readline)


async def test_who_goes_when_asked_is_not_ended_the_hard_way(started: Start) -> None:
    process = started(SAYS_AND_WAITS)
    assert await said(process) == b"here\n"

    assert await process.stop()
    assert await process.ended() == -signal.SIGTERM


async def test_who_does_not_go_is_ended_the_hard_way_and_that_is_told(started: Start) -> None:
    process = started(DEAF, patience_seconds=0.3)
    assert await said(process) == b"here\n"

    assert not await process.stop()
    assert await process.ended() == -signal.SIGKILL


async def test_who_has_ended_by_itself_need_not_be_stopped(started: Start) -> None:
    process = started("raise SystemExit(3)")

    assert await process.ended() == 3
    assert await process.stop()
