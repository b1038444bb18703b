"""`make rollout-ledger`: roll gateways under 2,000 connections and print what became of them and of every message.

The exit status says the verdict: 0 PASS, 1 FAIL, 2 UNKNOWN.
"""

import argparse
import resource
import sys
from pathlib import Path

import uvloop

from services.gateway.drain import GONE_SECONDS
from soak.ledger import Verdict
from soak.outcome import STATUS, keep_logs, show
from soak.rollout.report import rollout_text
from soak.rollout.run import Plan, run
from soak.rollout.steps import Rollout
from soak.world import migrated_stores
from tests.support.services import DRAIN_SECONDS
from tests.support.stores import temporary_home


def main() -> int:
    plan = _asked()
    # Each connection is a file of ours too.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    rollout = None
    with temporary_home() as home:
        try:
            rollout = uvloop.run(_rolled(plan, home))
        finally:
            if rollout is None or rollout.verdict is not Verdict.PASS:
                keep_logs(home, "rollout")
    name = f"rollout, {plan.connections:,} connections, {plan.rate:.0f} sends/s, drain {plan.drain_seconds:.0f} s"
    show("\n" + rollout_text(name, rollout))
    return STATUS[rollout.verdict]


async def _rolled(plan: Plan, home: Path) -> Rollout:
    async with migrated_stores(home) as stores:
        return await run(stores.environment(), home, plan, show=show)


def _asked() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m soak.rollout", description="Roll gateways; print the ledger.")
    parser.add_argument("--connections", type=int, default=Plan.connections)
    parser.add_argument("--rate", type=float, default=Plan.rate, help="sends a second")
    parser.add_argument("--drain", type=float, default=Plan.drain_seconds, help="seconds each gateway drains")
    parser.add_argument("--surge", type=int, default=Plan.surge, help="gateways replaced at a time")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    asked = parser.parse_args()
    if asked.drain + GONE_SECONDS > DRAIN_SECONDS:
        parser.error(f"a process that has not ended {DRAIN_SECONDS:.0f} s after SIGTERM is killed; drain in less")
    return Plan(
        connections=asked.connections,
        rate=asked.rate,
        drain_seconds=asked.drain,
        surge=asked.surge,
        seed=asked.seed,
    )


if __name__ == "__main__":
    sys.exit(main())
