"""The two loops a gateway spends its time in: a frame to its receivers, and what waits to the sockets.

They do the usual case of many queues and hand back the others, so that what is unusual is told once, in `sends.py`.
`native/loops.c` has the same two; it is taken where the package was built with a C compiler.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar


class Queue:
    """What the loops see of a queue; those in C look for both where an object has its slots."""

    __slots__ = ("_file", "_waiting")

    _file: int | None
    """The socket, while everything that was written before has left to it."""
    _waiting: bytes | list[bytes] | None
    """None when anything may be sent and nothing waits, a frame that waits alone, or a list in all other cases."""


Q = TypeVar("Q", bound=Queue)
Unusual = list[tuple[Any, bytes | None, int]]
"""Queues that are to be written to in another way; or a frame, with how much of it the socket took."""


@dataclass(frozen=True)
class Loops:
    """Both of them. `language` is what they are written in."""

    language: str
    give: Callable[[bytes, Iterable[Any], list[Any]], list[Any]]
    write: Callable[[list[Any]], Unusual]


def give(frame: bytes, queues: Iterable[Q], due: list[Any]) -> list[Q]:
    """Put a frame into the queues that wait for nothing, and these into `due`; the others are returned."""
    others = []
    for queue in queues:
        if queue._waiting is None:
            queue._waiting = frame
            due.append(queue)
        else:
            others.append(queue)
    return others


def write(queues: list[Any]) -> Unusual:
    """Write what waits to the sockets, where that is one frame and a socket; the others are returned."""
    unusual: Unusual = []
    to_socket = os.write
    frame, size = b"", 0
    for queue in queues:
        waiting = queue._waiting
        if waiting is not frame:
            if type(waiting) is not bytes:
                unusual.append((queue, None, 0))
                continue
            frame, size = waiting, len(waiting)
        file = queue._file
        if file is None:
            unusual.append((queue, None, 0))
            continue
        queue._waiting = None
        try:
            written = to_socket(file, frame)
        except OSError:
            written = 0
        if written != size:
            unusual.append((queue, frame, written))
    return unusual


def _in_c() -> Loops | None:
    try:
        from services.gateway.native import loops as native
    except ImportError:
        return None
    native.bind(Queue)
    return Loops("C", native.give, native.write)


IN_PYTHON = Loops("Python", give, write)
IN_C = _in_c()
"""None where they were not built."""
LOOPS = IN_C or IN_PYTHON
