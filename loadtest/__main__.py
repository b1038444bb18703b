"""`python -m loadtest`: a platform on loopback, a scenario in Locust, a report in a folder. `make loadtest` calls it.

    python -m loadtest                                       2,000 connections that chat, about two minutes
    python -m loadtest --scenario reconnect-storm --web      with Locust's page
    python -m loadtest --connections 100000 --gateways 6 --arrivals 800
    python -m loadtest --gateway ws://HOST:8081 --api http://HOST:8080     a platform that runs already

Its status is that of the thresholds: 0 when all were kept, 1 when one was broken, 2 when it could not be run.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from causerie.embedded import StoreFailed, StoreUrls
from causerie.embedded.process import leashed
from loadtest import limits, loopback
from loadtest.options import SECRET, Options, add_arguments, check, swarms
from loadtest.scenarios import SCENARIOS
from loadtest.trouble import Trouble

COULD_NOT_RUN = 2
RESULTS = Path(".data/loadtest")
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
OURS = ("gateways", "apis", "workers", "web", "out", "list")
"""What Locust is not told."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "loadtest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(made)
    group = made.add_argument_group("platform", "what is started here when no --gateway is given")
    group.add_argument("--gateways", type=int, default=2, metavar="N", help="gateway processes (2)")
    group.add_argument("--apis", type=int, default=1, metavar="N", help="API processes (1)")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="worker processes (1)")
    made.add_argument(
        "--web", type=int, nargs="?", const=8089, metavar="PORT", help="Locust's page (8089), until Ctrl-C"
    )
    made.add_argument(
        "--out", type=Path, metavar="DIR", help=f"where report.html, CSV and record.json go ({RESULTS}/…)"
    )
    made.add_argument("--list", action="store_true", help="say which scenarios there are")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    if given.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:<16} {scenario.about}")
        return 0
    try:
        return asyncio.run(run(given))
    except (Trouble, StoreFailed) as trouble:
        sys.stderr.write(f"loadtest: {trouble}\n")
        return COULD_NOT_RUN
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


async def run(given: argparse.Namespace) -> int:
    """Run one test; the status of its thresholds.

    Raises:
        Trouble: something asked for makes no sense, or the machine is too small.
    """
    check(given)
    out: Path = given.out or RESULTS / f"{given.scenario}-{given.connections}"
    out.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        if not given.gateway:
            for name in ("gateways", "apis", "workers"):
                if not 1 <= getattr(given, name) <= 64:
                    raise Trouble(f"--{name} is {getattr(given, name)}; it must be from 1 to 64")
            limits.check(given.connections, given.gateways, swarms(given))
            external = StoreUrls.from_environment(os.environ)
            print(
                f"starting {given.gateways} gateways, {given.apis} APIs, {given.workers} workers and their stores …",
                flush=True,
            )
            counts = {"gateway": given.gateways, "api": given.apis, "worker": given.workers}
            up = await stack.enter_async_context(loopback.running(counts, out / "logs", external=external))
            given.gateway, given.api = ",".join(up.gateways), ",".join(up.apis)
            parts = out / "parts.json"
            up.parts.write(parts)
            given.parts = str(parts)
            os.environ[SECRET] = up.secret
        # Locust would say the same, a second later.
        Options.of(given)
        given.record = given.record or str(out / "record.json")
        if given.web is not None:
            print(f"Locust's page: http://127.0.0.1:{given.web} (Ctrl-C ends it)", flush=True)
        status = await locust(command(given, out))
        print(f"report: {out / 'report.html'}   record for `causerie plan`: {given.record}")
        return status


def command(given: argparse.Namespace, out: Path) -> list[str]:
    """Locust's command line: our options, and where its reports go."""
    line = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--only-summary", "--skip-log-setup"]
    line += ["--csv", str(out / "stats"), "--csv-full-history", "--html", str(out / "report.html")]
    line += (
        ["--headless"]
        if given.web is None
        else ["--web-host", "127.0.0.1", "--web-port", str(given.web), "--autostart"]
    )
    for name, value in vars(given).items():
        if name not in OURS and value not in (None, ""):
            line += [f"--{name.replace('_', '-')}", str(value)]
    return line


async def locust(line: Sequence[str]) -> int:
    """Run it to its end. Ctrl-C and SIGTERM are passed on, for it has a verdict to give."""
    process = await asyncio.create_subprocess_exec(*leashed(line, when_orphaned=signal.SIGKILL), start_new_session=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _pass_on, process, number)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _pass_on(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


if __name__ == "__main__":
    sys.exit(main())
