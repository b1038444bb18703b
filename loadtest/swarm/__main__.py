"""`python -m loadtest.swarm`: commands in on stdin, a line of JSON each; answers and a report a second out on stdout.

`python -m loadtest.swarm HOST:PORT` has them come and go over a connection to the Locust that waits there (`--meet`).
Ends with its input, so it never outlives whoever started it.
"""

import asyncio
import contextlib
import resource
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import orjson
import uvloop

from loadtest.dialects import dialects
from loadtest.options import SECRET, address, platform_secret
from loadtest.swarm.crowd import Crowd, Place
from loadtest.swarm.founding import found
from loadtest.swarm.joining import join
from loadtest.swarm.ledger import Ledger
from loadtest.swarm.speech import Speech
from loadtest.swarm.tally import Tally
from loadtest.trouble import Trouble

MAX_LINE_BYTES = 256 * 1024 * 1024
"""Who talks with whom comes in one line."""
REPORT_SECONDS = 1.0
SETTLE_POLL_SECONDS = 0.1

Fields = dict[str, Any]


class Swarm:
    """Carries out commands; each answers with an event of the same number."""

    def __init__(self, begin: Fields, say: Callable[[bytes], object]) -> None:
        self._write = say
        self._tally = Tally()
        self._ledger = Ledger()
        self._apis: list[str] = begin["apis"]
        place = Place(
            [(host, port) for host, port in begin["gateways"]], begin["secret"], begin["run"], begin["sources"]
        )
        dialect = dialects()[begin["dialect"]]()
        self._crowd = Crowd(place, dialect, self._tally, self._ledger)
        self._speech = Speech(self._crowd, dialect, self._tally, self._ledger, apis=self._apis, run=begin["run"])
        self._commands: dict[str, Callable[[Fields], Coroutine[Any, Any, Fields]]] = {
            "found": self._found,
            "open": self._open,
            "leave": self._leave,
            "talk": self._talk,
            "cut": self._cut,
            "heads": self._heads,
            "settle": self._settle,
        }
        self._doing: set[asyncio.Task[None]] = set()

    async def run(self, lines: asyncio.StreamReader) -> None:
        """Until the input ends; what fails in the background ends it too, loudly."""
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(self._speech.go_on()), group.create_task(self._report())]
            while line := await lines.readline():
                task = asyncio.create_task(self._carry_out(orjson.loads(line)))
                self._doing.add(task)
                task.add_done_callback(self._doing.discard)
            for one in (*background, *self._doing):
                one.cancel()

    async def _carry_out(self, command: Fields) -> None:
        try:
            answer = await self._commands[command["do"]](command)
        except Trouble as trouble:
            answer = {"trouble": str(trouble)}
        self._say({"event": "done", "number": command["number"], **answer})

    async def _found(self, command: Fields) -> Fields:
        return {"ids": await found(self._crowd, self._apis, command["circles"])}

    async def _open(self, command: Fields) -> Fields:
        for kind, name, members, weight in command["circles"]:
            self._speech.circles[kind].join(name, members, weight)
        await self._crowd.open(
            command["batch"], command["people"], command["channels"], rate=command["rate"], watched=command["watched"]
        )
        return {}

    async def _leave(self, command: Fields) -> Fields:
        self._crowd.leave(command["batch"])
        return {}

    async def _talk(self, command: Fields) -> Fields:
        self._speech.rates = command["rates"]
        return {}

    async def _cut(self, command: Fields) -> Fields:
        return {"cut": self._crowd.cut(command["share"], window_seconds=command["window_seconds"])}

    async def _heads(self, command: Fields) -> Fields:
        return {"heads": {name.decode(): seq for name, seq in self._ledger.heads.items()}}

    async def _settle(self, command: Fields) -> Fields:
        """Give what is on its way its time; what has not come then is lost."""
        heads = {name.encode(): seq for name, seq in command["heads"].items()}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(command["patience_seconds"]):
                while self._ledger.missing(heads):
                    await asyncio.sleep(SETTLE_POLL_SECONDS)
        return {"lost": self._ledger.missing(heads), "duplicates": self._ledger.duplicates}

    async def _report(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += REPORT_SECONDS
            await asyncio.sleep(due - loop.time())
            lag = loop.time() - due
            self._say(
                {
                    "event": "report",
                    "people": len(self._crowd.people),
                    "present": self._crowd.present,
                    "delivered": self._ledger.delivered,
                    "duplicates": self._ledger.duplicates,
                    "lag_seconds": lag,
                    **self._tally.take(),
                }
            )

    def _say(self, event: Fields) -> None:
        self._write(orjson.dumps(event) + b"\n")


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


async def of_a_parent() -> None:
    """Led by whoever started this process."""
    lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    begin = orjson.loads(await lines.readline())
    await Swarm(begin, _print).run(lines)


async def of_another_machine(where: str) -> None:
    """Led by the Locust that waits there.

    Raises:
        Trouble: it cannot be.
    """
    secret = platform_secret()
    if not secret:
        raise Trouble(f"{SECRET} must be set to the secret of the platform")
    lines, back = await join(*address(where), secret, limit=MAX_LINE_BYTES)
    begin = orjson.loads(await lines.readline())
    await Swarm({**begin, "secret": secret}, back.write).run(lines)


def main(arguments: Sequence[str]) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        uvloop.run(of_another_machine(arguments[0]) if arguments else of_a_parent())
    except Trouble as trouble:
        sys.stderr.write(f"loadtest.swarm: {trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
