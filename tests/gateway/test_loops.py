"""What both kinds of loops promise their caller, and which of them a build brings."""

import shutil
import socket
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from services.gateway.loops import Loops, Queue

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 120
PACKAGED = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE")


class AQueue(Queue):
    """With slots of its own before and behind, as connections have."""

    __slots__ = ("_again", "name")

    def __init__(self, file: int | None = None) -> None:
        self._file = file
        self._waiting = None


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def test_a_frame_goes_to_who_waits_for_nothing_and_the_others_are_named(loops: Loops):
    idle, busy, over = AQueue(), AQueue(), AQueue()
    busy._waiting = b"1"
    over._waiting = []
    due: list[AQueue] = []

    others = loops.give(b"2", (queue for queue in (busy, idle, over)), due)

    assert (others, due) == ([busy, over], [idle])
    assert (idle._waiting, busy._waiting, over._waiting) == (b"2", b"1", [])


def test_what_a_socket_takes_whole_is_written_and_the_rest_is_handed_back(loops: Loops, pair):
    ours, theirs = pair
    first, without_socket, several, empty, second = (AQueue(ours.fileno()) for _ in range(5))
    without_socket._file = None
    for queue in (first, without_socket, second):
        queue._waiting = b"frame"
    several._waiting = [b"1", b"2"]

    unusual = loops.write([first, without_socket, several, empty, second])

    assert unusual == [(without_socket, None, 0), (several, None, 0), (empty, None, 0)]
    assert theirs.recv(100) == b"frameframe"
    assert (first._waiting, without_socket._waiting, several._waiting) == (None, b"frame", [b"1", b"2"])


def test_a_socket_that_takes_a_part_says_how_much_and_one_that_is_gone_took_nothing(loops: Loops, pair):
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    full, gone, closed = AQueue(ours.fileno()), AQueue(), AQueue(2**31 - 1)
    frame = bytes(10_000_000)
    broken, other_end = socket.socketpair()
    other_end.close()
    gone._file = broken.fileno()
    for queue in (full, gone, closed):
        queue._waiting = frame

    with broken:
        unusual = loops.write([full, gone, closed])

    assert [(queue, rest, written) for queue, rest, written in unusual[1:]] == [(gone, frame, 0), (closed, frame, 0)]
    queue, rest, written = unusual[0]
    assert (queue, rest) == (full, frame)
    received = 0
    while received < written:
        received += len(theirs.recv(1_000_000))
    assert 0 < written < len(frame)
    assert [queue._waiting for queue in (full, gone, closed)] == [None, None, None]


def test_who_is_no_queue_is_refused_and_those_before_him_are_written_to(loops: Loops, pair):
    ours, theirs = pair
    due: list[AQueue] = []
    with pytest.raises((AttributeError, TypeError)):
        loops.give(b"frame", [AQueue(ours.fileno()), object(), AQueue(ours.fileno())], due)

    assert loops.write(due) == []
    assert theirs.recv(100) == b"frame"


def test_nothing_is_kept_of_what_was_written(loops: Loops, pair):
    ours, theirs = pair
    frame = b"a frame of this test"
    queues = [AQueue(ours.fileno()), AQueue(None), AQueue(2**31 - 1)]
    everything = (frame, queues, *queues, *(queue._file for queue in queues[::2]))

    def references() -> list[int]:
        return [sys.getrefcount(each) for each in everything]

    before = references()
    for _ in range(2_000):
        due: list[AQueue] = []
        loops.give(frame, queues, due)
        loops.give(frame, queues, due)
        loops.write(due)
        queues[1]._waiting = None
        with pytest.raises((AttributeError, TypeError)):
            loops.give(frame, [object()], due)
        theirs.recv(100)
    due.clear()

    assert references() == before


@pytest.mark.parametrize("compiler", ["cc", "no-such-compiler"])
def test_a_build_brings_the_loops_in_c_where_there_is_a_compiler_and_does_without(compiler: str, tmp_path: Path):
    for name in PACKAGED:
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    has_compiler = shutil.which(compiler) and Path(sysconfig.get_path("include"), "Python.h").exists()

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CC": compiler},
        check=True,
        timeout=BUILD_SECONDS,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    told = subprocess.run(
        [sys.executable, "-c", "from services.gateway.loops import LOOPS; print(LOOPS.language)"],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=True,
        timeout=BUILD_SECONDS,
    )

    assert told.stdout == ("C\n" if has_compiler else "Python\n")
    assert wheel.name.endswith("-none-any.whl") != bool(has_compiler)
