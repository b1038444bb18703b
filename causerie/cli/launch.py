"""`causerie run`: stores, schema, services and the demo page in one command, and all of it gone after Ctrl-C."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from causerie import __version__
from causerie.cli import instance, plan
from causerie.cli.children import Child
from causerie.cli.outcome import Failed
from causerie.cli.plan import DEFAULT_DIRECTORY, Instance, Plan
from causerie.embedded import DirectoryInUse, EmbeddedStores, StoreFailed, StoreUrls
from causerie.embedded.ports import Ports
from causerie.embedded.wheels import WheelMissing
from causerie.settings import SettingsError, refuse_unknown
from causerie.store import migrate, partitions
from causerie.store.ddl import SchemaError

MONTHS_AHEAD = 3
READY_SECONDS = 60.0
READY_POLL_SECONDS = 0.1
MAX_CRASHES = 3
MEND_POLL_SECONDS = 0.5
MEND_PAUSE_SECONDS = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stop(Exception):
    """Somebody asked for the end."""


def run(asked: Plan) -> int:
    """Run everything until somebody stops it.

    Raises:
        Failed: it could not start, and nothing of it is left running.
    """
    try:
        refuse_unknown(os.environ)
        return asyncio.run(_Launcher(asked).run())
    except (DirectoryInUse, SchemaError, SettingsError, StoreFailed, WheelMissing) as error:
        raise Failed(str(error)) from None
    except PermissionError as error:
        raise Failed(f"{error.filename} belongs to somebody else; choose another directory with --data") from None


class _Launcher:
    def __init__(self, asked: Plan) -> None:
        self._plan = asked
        self._directory = asked.directory.absolute()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._children: list[Child] = []

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        try:
            await self._unless_stopped(self._up_and_running())
        except _Stop:
            pass
        return 0

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        else:
            self._stop.set()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; when somebody asks to stop, cancel it and see it through its cleaning up.

        Raises:
            _Stop: it was stopped.
        """
        doing = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait([doing])
            if doing.cancelled():
                raise _Stop
        doing.result()

    async def _up_and_running(self) -> None:
        began = time.monotonic()
        _write(f"causerie {__version__}: starting the stores in {self._plan.directory} …\n")
        stores = EmbeddedStores(self._directory, external=StoreUrls.from_environment(os.environ))
        # The mistakes most easily made, another run and a taken port, are said before anything is started.
        stores.claim()
        instances = plan.place(self._plan, Ports(self._directory / "service-ports.json"))
        async with stores, self._mended(stores):
            applied = await migrate.up(stores.database_url)
            await partitions.ensure(stores.database_url, months_ahead=MONTHS_AHEAD)
            _write(f"schema is up to date{f' ({len(applied)} applied)' if applied else ''}; starting the services …\n")
            environment = self._environment(stores, instances)
            async with self._services(instances, environment):
                await self._all_ready()
                facts = {
                    "stores": stores.environment(),
                    "services": {one.name: {"port": one.port, "health_port": one.health_port} for one in instances},
                }
                with instance.announced(self._directory, facts):
                    _write(_welcome(self._plan, instances, stores, time.monotonic() - began))
                    await asyncio.Event().wait()

    def _environment(self, stores: EmbeddedStores, instances: list[Instance]) -> dict[str, str]:
        ours = plan.shared_environment(self._plan, instances)
        if not os.environ.get("CAUSERIE_JWT_SECRET") and not os.environ.get("CAUSERIE_JWKS_URL"):
            ours["CAUSERIE_JWT_SECRET"] = instance.secret(self._directory)
        given = {name: value for name, value in os.environ.items() if value and name != "PORT"}
        return ours | given | stores.environment() | {"PYTHONUNBUFFERED": "1"}

    @asynccontextmanager
    async def _mended(self, stores: EmbeddedStores) -> AsyncIterator[None]:
        """A store that ends by itself is started again: the services must live through that, and do."""

        async def mend() -> None:
            while True:
                await asyncio.sleep(MEND_POLL_SECONDS)
                try:
                    for name in await stores.mend():
                        _write(f"{name} ended by itself and was started again\n")
                except StoreFailed as failure:
                    _write(f"{failure}\n")
                    await asyncio.sleep(MEND_PAUSE_SECONDS)

        mending = asyncio.create_task(mend())
        try:
            yield
        finally:
            mending.cancel()
            await asyncio.wait([mending])

    @asynccontextmanager
    async def _services(self, instances: list[Instance], environment: dict[str, str]) -> AsyncIterator[None]:
        width = max((len(one.name) for one in instances), default=0)
        self._children = [
            Child(one, environment, lambda name, line: _write(_prefixed(name.ljust(width), line))) for one in instances
        ]
        try:
            for child in self._children:
                child.start()
            yield
        finally:
            await self._end_services()

    async def _end_services(self) -> None:
        """Nodes first, for their drain still needs the workers; a second signal ends all of them at once."""
        _write("\nstopping; once more Ctrl-C hurries …\n")
        ending = asyncio.create_task(self._drain())
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait([ending, hurrying], return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not ending.done():
            await asyncio.gather(*(child.kill() for child in self._children))
        await ending

    async def _drain(self) -> None:
        nodes = [child for child in self._children if child.instance.service != "worker"]
        workers = [child for child in self._children if child.instance.service == "worker"]
        for group in (nodes, workers):
            await asyncio.gather(*(child.stop() for child in group))

    async def _all_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        for child in self._children:
            name = child.instance.name
            while not await child.is_ready():
                if child.crashes >= MAX_CRASHES:
                    raise Failed(f"{name} does not start; its lines above say why")
                if time.monotonic() > deadline:
                    raise Failed(f"{name} is not ready after {READY_SECONDS:g} s; its lines above say why")
                await asyncio.sleep(READY_POLL_SECONDS)


def _welcome(asked: Plan, instances: list[Instance], stores: EmbeddedStores, seconds: float) -> str:
    host = plan.shown(asked.host)
    data = "" if asked.directory == DEFAULT_DIRECTORY else f" --data {asked.directory}"
    lines = ["", f"causerie is ready after {seconds:.1f} s.", ""]
    apis = [one for one in instances if one.service == "api"]
    for one in apis:
        lines.append(
            f"  {one.name:<11} http://{host}:{one.port}/v1      (description: http://{host}:{one.port}/openapi.json)"
        )
    lines += [f"  {one.name:<11} ws://{host}:{one.port}/ws" for one in instances if one.service == "gateway"]
    lines += [
        f"  {one.name:<11} http://{host}:{one.health_port}/metrics" for one in instances if one.service == "worker"
    ]
    for name, url in stores.environment().items():
        address = urlsplit(url)
        lines.append(f"  {name.removesuffix('_URL').lower():<11} {address.hostname}:{address.port}")
    if asked.demo and apis:
        demo = f"http://{host}:{apis[0].port}/demo/"
        lines += ["", "Talk to yourself in two browser windows:", f"  {demo}?name=ann", f"  {demo}?name=ben"]
        if not plan.is_loopback(asked.host):
            lines += ["", "The demo page answers this machine alone; others need a token of their own."]
    lines += [
        "",
        f"A token to try the API with: {_command()} token ann{data}",
        "Ctrl-C stops everything; the data stays.",
        "",
        "",
    ]
    return "\n".join(lines)


def _command() -> str:
    """How to call us from this directory, where the environment's own programs may not be on the path."""
    beside = Path(sys.executable).with_name("causerie")
    return "causerie" if shutil.which("causerie") or not beside.exists() else os.path.relpath(beside)


def _prefixed(name: str, line: str) -> str:
    return "".join(f"{name} | {part}\n" for part in line.splitlines())


def _write(text: str) -> None:
    """To the terminal; one that was closed under us is no reason to stop halfway through stopping."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        pass
