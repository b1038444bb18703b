"""A process that holds ports for a test: each line it reads is a request, each line it prints the ports it got."""

import json
import os
import sys
from pathlib import Path

from causerie.embedded.ports import Ports, free_port


def answer(request: str, argument: str) -> list[int]:
    match request:
        case "draw":
            return [free_port() for _ in range(int(argument))]
        case "remember":
            return [Ports(Path(argument)).of("server")]
        case "user":
            os.setgroups([])
            os.setuid(int(argument))
            return []
        case _:
            return forked(*argument.split(maxsplit=1))


def forked(request: str, argument: str) -> list[int]:
    """The same, asked of a fork of this process."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(answer(request, argument)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        ports: list[int] = json.load(pipe)
    os.wait()
    return ports


for line in sys.stdin:
    print(json.dumps(answer(*line.strip().split(maxsplit=1))), flush=True)  # noqa: T201 - read by the test
