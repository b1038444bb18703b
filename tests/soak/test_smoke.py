"""The short form of `make soak`: one of each kind dies, one freezes, NATS restarts, people talk on, nothing is lost."""

import uvloop

from soak import faults, ledger
from soak.report import ledger_text
from soak.run import run
from soak.scenarios import Scenario
from soak.schedule import Planned
from tests.support.stores import temporary_home

SEED = 1
PLAN = [
    Planned("gateway killed", 0, calm_seconds=0.0, hold_seconds=1.0),
    Planned("worker frozen 5 s", 0, calm_seconds=0.0, hold_seconds=5.0),
    Planned("api killed", 1, calm_seconds=0.0, hold_seconds=1.0),
    Planned("nats killed", 0, calm_seconds=0.0, hold_seconds=1.0),
    Planned("worker killed", 1, calm_seconds=0.0, hold_seconds=1.0),
]


def test_a_killed_process_of_each_kind_a_frozen_worker_and_a_restart_of_nats_lose_nothing():
    shown: list[str] = []
    scenario = Scenario("smoke", (*faults.process_faults(), *faults.store_faults()))

    with temporary_home() as home:
        evidence = uvloop.run(run(scenario, PLAN, home, seed=SEED, rate=100.0, show=shown.append, seek_ghosts=False))
    drawn = ledger.draw(evidence)

    told = "\n".join([*shown, ledger_text("smoke", drawn, evidence.faults)])
    assert drawn.verdict is ledger.Verdict.PASS, told
    assert len(drawn.faults) == len(PLAN)
