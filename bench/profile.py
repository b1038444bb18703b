"""Where a hot path spends its time: `python -m bench.profile [NAME …]`, `make profile ARGS="fanout post"`.

Each path is driven as hard as it goes, for a few seconds, on the real service with real stores, while py-spy samples
the one process that matters from outside.  It leaves a flame graph (`.data/profile/NAME.svg`, for a browser) and shows
the functions that took most time themselves.  What a function in C took is its caller's, unless `--native` is given.
"""

import argparse
import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from bench import flames, history
from bench.e2e import send_frame
from bench.generator import swarm
from bench.native import NoCompiler
from bench.raw_socket import RawSocket, connect_all
from bench.report import ROOT, table
from bench.servers.gateway import gateway
from bench.stage import Stage, seed_groups, stage

FOLDER = ROOT / ".data" / "profile"
SECONDS = 8
SAMPLES_PER_SECOND = 200
LIMIT_SECONDS = 60.0
"""For one path, stores included; it takes about twenty."""
SHOWN = 20
WARM_UP_SECONDS = 1.0

READERS = 1_000
GROUPS = 100
MEMBERS = 5
AUTHORS = 64
ARRIVALS = 2_000
ASKERS = 4
ENDLESS_SECONDS = 2.0 * SECONDS


class NoProfile(Exception):
    """Why there is none; the message is for whoever asked."""


@asynccontextmanager
async def fan_out() -> AsyncIterator[int]:
    """The gateway: one channel, every reader at once."""
    async with gateway().start(READERS) as up, swarm() as generator:
        await generator.connect("publisher", up.publisher, up.publisher_ports[:1], 1)
        await generator.connect("readers", up.readers, up.ports, READERS, rate=2_000.0)
        burst = up.burst(1)
        pumping = generator.pump(
            "publisher", "readers", burst.text, copies=burst.copies, messages=1, window=6, seconds=ENDLESS_SECONDS
        )
        async with _meanwhile(pumping):
            yield up.pids[0]


@asynccontextmanager
async def post() -> AsyncIterator[int]:
    """The gateway: many authors, each sending again when he is answered."""
    async with stage() as platform, _talk(platform) as (gateway_pid, _):
        yield gateway_pid


@asynccontextmanager
async def dispatch() -> AsyncIterator[int]:
    """The worker, under the same talk in small groups."""
    async with stage() as platform, _talk(platform) as (_, worker_pid):
        yield worker_pid


@asynccontextmanager
async def _talk(platform: Stage) -> AsyncIterator[tuple[int, int]]:
    groups = await seed_groups(platform.stores.database_url, GROUPS, MEMBERS)
    service = await platform.services.start("gateway", CAUSERIE_FRAMES_PER_SECOND="1000000")
    worker = await platform.services.start("worker")
    frames = [send_frame(str(group)) for group, _ in groups]
    numbers = itertools.count()

    def say(socket: RawSocket) -> None:
        number = next(numbers) % 10_000_000
        socket.transport.write(frames[socket.index // MEMBERS] % (number, number, number))

    def on_text(socket: RawSocket, text: bytes) -> None:
        if text.startswith(b'{"id":'):
            say(socket)

    users = [user for _, users in groups for user in users]
    sessions = [(place, platform.token(user), service.port) for place, user in enumerate(users)]
    sockets = await connect_all(sessions, on_text)
    for socket in sockets[::MEMBERS][:AUTHORS]:
        say(socket)
    try:
        yield service.pid, worker.pid
    finally:
        for socket in sockets:
            socket.transport.abort()


@asynccontextmanager
async def handshake() -> AsyncIterator[int]:
    """The gateway: they come as fast as they are taken, each with a signed token, leave, and come again."""
    async with gateway().start(ARRIVALS) as up, swarm() as generator:

        async def storm() -> None:
            for number in itertools.count():
                await generator.connect(
                    f"storm{number}", up.idle or up.readers, up.ports, ARRIVALS, rate=1_000_000.0, in_flight=64
                )
                await generator.close()

        async with _meanwhile(storm()):
            yield up.pids[0]


@asynccontextmanager
async def pages() -> AsyncIterator[int]:
    """The API: pages of fifty, every other one from the cache."""
    async with stage() as platform:
        group, users = await history.seed(platform)
        api = await platform.services.start("api")
        newest, older = history.pages(group, platform.token(users[0]))

        async def ask() -> None:
            asker = await history.Asker.connect(api.port)
            for page in itertools.cycle(older):
                await asker.ask(newest)
                await asker.ask(page)

        async with contextlib.AsyncExitStack() as askers:
            for _ in range(ASKERS):
                await askers.enter_async_context(_meanwhile(ask()))
            yield api.pid


PATHS: dict[str, Callable[[], AbstractAsyncContextManager[int]]] = {
    "fanout": fan_out,
    "post": post,
    "handshake": handshake,
    "history": pages,
    "dispatch": dispatch,
}
"""Each is a way to keep a service busy, and gives the id of the process."""


async def sample(pid: int, flame_graph: Path, *, native: bool = False) -> None:
    """Sample a process for some seconds.

    Raises:
        NoProfile: py-spy is not there, may not look, or saw nothing.
    """
    program = Path(sys.executable).with_name("py-spy")
    if not program.exists():
        raise NoProfile("py-spy is not installed; `make profile` installs it")
    arguments = ["--pid", str(pid), "--duration", str(SECONDS), "--rate", str(SAMPLES_PER_SECOND), "--function"]
    process = await asyncio.create_subprocess_exec(
        program,
        "record",
        *arguments,
        *(["--native"] if native else []),
        "--format",
        "flamegraph",
        "--output",
        flame_graph,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        words, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    said = words.decode(errors="replace").strip()
    if "ermission" in said or "ptrace" in said.lower():
        raise NoProfile("py-spy may not look into other processes here (ptrace): be root, or allow it to your user")
    if process.returncode != 0 or not flame_graph.exists():
        raise NoProfile(f"py-spy ended with {process.returncode}: {said.splitlines()[-1] if said else 'not a word'}")


async def profile(name: str, *, native: bool) -> None:
    flame_graph = FOLDER / f"{name}.svg"
    FOLDER.mkdir(parents=True, exist_ok=True)
    flame_graph.unlink(missing_ok=True)
    async with asyncio.timeout(LIMIT_SECONDS), PATHS[name]() as pid:
        await asyncio.sleep(WARM_UP_SECONDS)
        await sample(pid, flame_graph, native=native)
    found = flames.read(flame_graph)
    busy = found.samples / SECONDS / SAMPLES_PER_SECOND
    rows = [
        (function, f"{own / found.samples:.1%}", f"{found.whole[function] / found.samples:.1%}")
        for function, own in found.own.most_common(SHOWN)
    ]
    about = (PATHS[name].__doc__ or "").strip()
    print(
        f"\n## {name}. {about}\n{found.samples:,} samples, busy {busy:.0%} of the time, {flame_graph.relative_to(ROOT)}"
    )
    print(table(("function", "itself", "with what it calls"), rows), flush=True)


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run something beside the block; it need not have an end, but if it failed, so does the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> int:
    parser = argparse.ArgumentParser(description="Where a hot path spends its time.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(PATHS)}; all without one")
    parser.add_argument("--native", action="store_true", help="name functions in C too; slower")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in PATHS]:
        parser.error(f"no path called {', '.join(unknown)}; there are {', '.join(PATHS)}")
    for name in arguments.names or PATHS:
        try:
            uvloop.run(profile(name, native=arguments.native))
        except (NoProfile, NoCompiler) as reason:
            print(f"{name}: {reason}", file=sys.stderr)
            return 1
        except TimeoutError:
            print(f"{name}: not done within {LIMIT_SECONDS:g} s", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
