"""`causerie plan`: what a platform of some size needs, learnt from load tests, as Helm values."""

import argparse
from pathlib import Path

from causerie.cli.outcome import Failed

BAD_INPUT = 2
VALUES = Path("values.capacity.yaml")
PAGES_EACH = 0.001
"""Pages of history a second for each connection, unless somebody says."""


def add(command: argparse.ArgumentParser) -> None:
    """What can be asked for."""
    command.add_argument("--connections", type=int, required=True, metavar="N", help="at the peak")
    command.add_argument("--messages-per-second", type=float, required=True, metavar="N", help="at the peak")
    command.add_argument("--group-size", type=int, default=10, metavar="N", help="recipients of a message (10)")
    command.add_argument(
        "--pages-per-second",
        type=float,
        metavar="N",
        help="pages of history read over REST (one for 1,000 connections)",
    )
    command.add_argument("--hours-a-day", type=float, default=8.0, metavar="H", help="how long the peak lasts (8)")
    command.add_argument("--message-bytes", type=int, default=200, metavar="N", help="text of a message (200)")
    command.add_argument("--retention-months", type=int, default=12, metavar="N", help="messages are kept (12)")
    command.add_argument("--connections-per-pod", type=int, default=10_000, metavar="N", help="most wanted (10000)")
    command.add_argument(
        "--from",
        dest="records",
        type=Path,
        nargs="+",
        required=True,
        metavar="RECORD",
        help="record.json of load tests",
    )
    command.add_argument("--values", type=Path, default=VALUES, metavar="FILE", help=f"to be written ({VALUES})")
    command.add_argument("--plot", type=Path, metavar="FILE.svg", help="a picture of the fit")
    command.set_defaults(carry_out=make)


def make(given: argparse.Namespace) -> int:
    """Print the plan and write it.

    Raises:
        Failed: the records or the demand make no sense.
    """
    # Imported here: no other command needs the planner.
    from loadtest.planner.command import plan
    from loadtest.planner.sizing import Demand
    from loadtest.trouble import Trouble

    pages = given.connections * PAGES_EACH if given.pages_per_second is None else given.pages_per_second
    try:
        demand = Demand(
            given.connections,
            given.messages_per_second,
            given.group_size,
            pages,
            given.hours_a_day,
            given.message_bytes,
            given.retention_months,
            given.connections_per_pod,
        )
        print(plan(demand, given.records, values_file=given.values, plot_file=given.plot), end="")
    except Trouble as trouble:
        raise Failed(str(trouble), status=BAD_INPUT) from None
    return 0
