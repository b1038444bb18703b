"""The short form of `make rollout-ledger`: gateways are replaced, one is added, one taken away, and nobody notices."""

from pathlib import Path

import uvloop

from soak.ledger import Verdict
from soak.rollout.report import rollout_text
from soak.rollout.run import Plan, run

PLAN = Plan(
    connections=90,
    rate=30.0,
    drain_seconds=4.0,
    # Both at once: a gateway takes as long to start as this one drains, and clients would all go to one.
    surge=2,
    calm_seconds=0.5,
    each={"api": 1, "gateway": 2, "worker": 1},
)


def test_replacing_adding_and_removing_gateways_loses_nothing_and_moves_people_gently(
    module_database_url: str, valkey_server: str, nats_server: str, tmp_path: Path
):
    stores = {"DATABASE_URL": module_database_url, "REDIS_URL": valkey_server, "NATS_URL": nats_server}
    shown: list[str] = []

    rollout = uvloop.run(run(stores, tmp_path, PLAN, show=shown.append))

    told = "\n".join([*shown, rollout_text("short", rollout)])
    assert rollout.verdict is Verdict.PASS, told
    assert [step.name for step in rollout.steps] == ["rolling restart", "scale-out", "scale-down"]
