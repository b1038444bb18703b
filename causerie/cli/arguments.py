"""What can be typed after `causerie`, and who carries it out."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from causerie import __version__, interpreter
from causerie.cli import capacity, check, doctor, evaluation, launch, schema, signing
from causerie.cli.outcome import Failed
from causerie.cli.plan import DEFAULT_DIRECTORY, Plan

OVERVIEW = """\
Realtime messaging: conversations, durable ordered history, live delivery.

  causerie run                      everything on this machine, with a demo page
  causerie token ann --name Ann     a token to try the API with
  causerie doctor                   what is wrong, in one line each
"""

ENVIRONMENT = """\
settings come from the environment:
  DATABASE_URL, REDIS_URL, NATS_URL   the stores; `causerie run` starts those that have no address
  CAUSERIE_JWT_SECRET                 signs and checks tokens (32 bytes or more)
  PORT, CAUSERIE_HEALTH_PORT          where one service listens
  LOG_LEVEL                           DEBUG, INFO, WARNING or ERROR
"""

_MOST = 10_000
"""So many of anything counted here nobody wants, and the calendar has few more months than twice that."""
_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps our line breaks, and the names of commands on one line with what they do."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)
        # argparse forgets the indentation when it measures commands, and breaks the line of the longest.
        self._action_max_length = len("    partitions")


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out one command and leave with its status."""
    given = parser().parse_args(arguments)
    try:
        status: int = given.carry_out(given)
    except Failed as failure:
        sys.stderr.write(f"causerie: {failure}\n")
        status = failure.status
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser("causerie", description=OVERVIEW, epilog=ENVIRONMENT, formatter_class=_Formatter)
    top.add_argument("--version", action="version", version=f"causerie {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    for service, does in (
        ("api", "one API service: REST, OpenAPI, the demo page"),
        ("gateway", "one gateway: the WebSockets of many clients"),
        ("worker", "one worker: orders and dispatches what was written"),
    ):
        command = commands.add_parser(
            service, help=does, description=does[0].upper() + does[1:] + ".", epilog=ENVIRONMENT
        )
        command.formatter_class = _Formatter
        command.set_defaults(carry_out=lambda _, service=service: _become(service))
    canary = commands.add_parser(
        "canary",
        help="send messages through everything, without end, and count what is lost",
        description="Write to itself through gateways and API, without end; what became of it is in its /metrics.",
        epilog="CAUSERIE_CANARY_GATEWAYS and CAUSERIE_CANARY_APIS say where, CAUSERIE_JWT_SECRET signs its tokens.",
    )
    canary.set_defaults(carry_out=lambda _: _canary())
    _add_migrate(commands)
    _add_partitions(commands)
    _add_reconcile(commands)
    _add_token(commands)
    _add_check(commands)
    look = commands.add_parser("doctor", help="check every dependency, one line each")
    _add_data(look)
    look.set_defaults(carry_out=lambda given: doctor.examine(given.data))
    capacity.add(
        commands.add_parser(
            "plan",
            help="how many pods, how large, learnt from load tests",
            description="Learn from records of `make loadtest` what things cost; print a plan, write Helm values.",
        )
    )
    made = commands.add_parser(
        "evaluation-secret",
        help="on Kubernetes: make the Secret of an evaluation unless it is there",
        description="Make a Secret with a JWT secret and a password for the stores, once; for the chart's own Job.",
    )
    made.add_argument("name", help="its name")
    made.set_defaults(carry_out=lambda given: evaluation.make_secret(given.name))
    return top


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="everything on this machine: stores, services, demo page",
        description="Start everything on this machine; Ctrl-C stops it, the data stays.",
        epilog="Stores whose address is set (DATABASE_URL, REDIS_URL, NATS_URL) are used instead of started.",
    )
    for service in ("api", "gateway", "worker"):
        run.add_argument(f"--{service}", type=_number, default=1, metavar="N", help=f"how many: {service} (1)")
    run.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1; 0.0.0.0 for everybody)")
    run.add_argument("--port-api", type=_port, default=8080, metavar="PORT", help="port of the first API (8080)")
    run.add_argument(
        "--port-gateway", type=_port, default=8081, metavar="PORT", help="port of the first gateway (8081)"
    )
    run.add_argument("--no-demo", action="store_true", help="neither demo page nor tokens for whoever asks")
    _add_data(run)
    run.set_defaults(
        carry_out=lambda given: launch.run(
            Plan(
                counts={"api": given.api, "gateway": given.gateway, "worker": given.worker},
                first_ports={"api": given.port_api, "gateway": given.port_gateway},
                host=given.host,
                directory=given.data,
                demo=not given.no_demo,
            )
        )
    )


def _add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    migrate = commands.add_parser(
        "migrate", help="bring the schema up or down, or show where it is", description="Change or show the schema."
    )
    ways = migrate.add_subparsers(title="ways", metavar="WAY", required=True)
    up = ways.add_parser("up", help="apply what is missing; safe to run from many pods at once")
    _add_wait(up, "for a PostgreSQL that does not answer yet")
    up.set_defaults(carry_out=lambda given: schema.migrate_up(given.data, given.wait))
    down = ways.add_parser("down", help="undo the last N steps (1)")
    down.add_argument("steps", nargs="?", type=_some, default=1, metavar="N", help="how many (1)")
    down.set_defaults(carry_out=lambda given: schema.migrate_down(given.data, given.steps))
    status = ways.add_parser("status", help="every step and whether it is applied; exit 1 when one is missing")
    _add_wait(status, "until nothing is missing")
    status.set_defaults(carry_out=lambda given: schema.migrate_status(given.data, given.wait))
    for way in (up, down, status):
        _add_data(way)


def _add_partitions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    partitions = commands.add_parser(
        "partitions", help="keep monthly partitions ahead, drop old ones", description="Look after the partitions."
    )
    ways = partitions.add_subparsers(title="ways", metavar="WAY", required=True)
    ensure = ways.add_parser("ensure", help="create the months ahead (3)")
    ensure.add_argument("--months-ahead", type=_number, default=3, metavar="N", help="how many (3)")
    ensure.set_defaults(carry_out=lambda given: schema.partitions_ensure(given.data, given.months_ahead))
    retain = ways.add_parser("retain", help="detach what is too old; a later run drops it")
    retain.add_argument(
        "--months", type=_some, metavar="N", help="whole months of messages to keep (all, unless this is given)"
    )
    retain.add_argument("--event-months", type=_some, default=2, metavar="N", help="whole months of the log (2)")
    retain.add_argument(
        "--drop-after-hours", type=_number, default=0, metavar="N", help="hours after which a run drops it (0)"
    )
    retain.set_defaults(
        carry_out=lambda given: schema.partitions_retain(
            given.data, given.months, given.event_months, given.drop_after_hours
        )
    )
    check = ways.add_parser("check", help="report; exit 1 when months run short or the default has rows")
    check.add_argument("--months-ahead", type=_number, default=2, metavar="N", help="how many are enough (2)")
    check.set_defaults(carry_out=lambda given: schema.partitions_check(given.data, given.months_ahead))
    for way in (ensure, retain, check):
        _add_data(way)


def _add_reconcile(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    reconcile = commands.add_parser(
        "reconcile",
        help="hold counters and read marks against the messages; exit 1 when one differs",
        description="Hold counters and read marks against the messages and the log; exit 1 when one differs.",
    )
    reconcile.add_argument("--repair", action="store_true", help="put right what differs")
    _add_data(reconcile)
    reconcile.set_defaults(carry_out=lambda given: schema.reconcile_all(given.data, repair=given.repair))


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    looks = commands.add_parser(
        "check", help="try an installation from outside: ready, api, websocket", description="Try an installation."
    ).add_subparsers(title="ways", metavar="WAY", required=True)
    ready = looks.add_parser("ready", help="whether the service on this machine or in this container is ready")
    ready.add_argument("--port", type=_port, help="its health port (CAUSERIE_HEALTH_PORT, else whichever answers)")
    ready.set_defaults(carry_out=lambda given: check.ready(given.port))
    api = looks.add_parser("api", help="whether the API answers, and with its stores")
    api.add_argument("url", help="such as http://localhost:8080")
    api.set_defaults(carry_out=lambda given: check.api(given.url))
    socket = looks.add_parser(
        "websocket",
        help="connect, send, receive",
        description="Connect, send a message to a conversation kept for this, and receive it. "
        "The token is TOKEN, or is signed with CAUSERIE_JWT_SECRET.",
    )
    socket.add_argument("gateway", help="such as ws://localhost:8081")
    socket.add_argument("api", help="such as http://localhost:8080")
    _add_data(socket)
    socket.set_defaults(carry_out=lambda given: check.websocket(given.data, given.gateway, given.api))


def _add_wait(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument(
        "--wait", type=_duration, default=0.0, metavar="TIME", help=f"wait so long, such as 90s or 10m, {what}"
    )


def _add_token(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    token = commands.add_parser(
        "token",
        help="print a signed token for the development instance",
        description="Print a token signed with CAUSERIE_JWT_SECRET or the secret of `causerie run`.",
    )
    token.add_argument("user", help="the user id: 1-64 of A-Z a-z 0-9 . _ : @ -")
    token.add_argument("--scope", choices=("user", "admin"), default="user", help="what it may do (user)")
    token.add_argument("--ttl", type=_duration, default="24h", help="how long it is good: 90s, 30m, 24h, 7d (24h)")
    token.add_argument("--name", help="the name others see")
    _add_data(token)
    token.set_defaults(
        carry_out=lambda given: signing.print_token(
            given.data, given.user, admin=given.scope == "admin", ttl_seconds=given.ttl, name=given.name
        )
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DIRECTORY,
        metavar="DIR",
        help="where `causerie run` keeps its data (.data)",
    )


def _canary() -> int:
    # Here, for its client takes a third of a command's start, which other commands need not pay.
    from causerie.cli import canary

    return canary.run()


def _become(service: str) -> int:
    """Turn this process into the service, so that signals and the exit status are its own."""
    os.execve(sys.executable, interpreter.command(service), interpreter.environment(service, os.environ))


def _number(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _MOST:
        raise ValueError(text)
    return value


def _some(text: str) -> int:
    value = _number(text)
    if value == 0:
        raise ValueError(text)
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65_535:
        raise ValueError(text)
    return value


def _duration(text: str) -> float:
    unit = _DURATION_UNITS.get(text[-1:], 0)
    value = float(text[:-1]) * unit
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


# What argparse calls them when it refuses one.
_number.__name__ = _some.__name__ = "number"
_port.__name__, _duration.__name__ = "port", "duration"
