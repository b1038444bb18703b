"""The canary as an operator runs it, beside a platform whose gateway dies and comes back."""

import re
import subprocess
import sys

from tests.support.services import Service, Services
from tests.support.waiting import eventually


async def counts(canary: Service) -> dict[str, float]:
    """What it reports, without the prefix and the dialect."""
    told = re.findall(r'^causerie_canary_(\w+)\{dialect="native"\} (\S+)$', await canary.metrics(), re.MULTILINE)
    return {name: float(value) for name, value in told}


async def test_a_gateway_that_dies_and_returns_costs_time_and_no_message(services: Services):
    api, _, gateway = [await services.start(name) for name in ("api", "worker", "gateway")]
    canary = await services.start(
        "canary",
        CAUSERIE_CANARY_GATEWAYS=gateway.ws_url,
        CAUSERIE_CANARY_APIS=api.url,
        CAUSERIE_CANARY_EVERY_SECONDS="0.25",
        CAUSERIE_CANARY_LOST_AFTER_SECONDS="20",
    )

    async def flies() -> dict[str, float]:
        told = await counts(canary)
        return told if told["received_total"] >= 4 and told["down_seconds"] == 0 else {}

    # Its first messages may have been late, as they are while everything starts: then it has recovered once already.
    before = await eventually(flies, timeout_seconds=30.0)

    gateway.kill()

    async def seen_down() -> float:
        return (await counts(canary))["down_seconds"]

    await eventually(seen_down, timeout_seconds=15.0)
    await services.start("gateway", port=gateway.port)

    async def recovered() -> dict[str, float]:
        told = await counts(canary)
        is_whole = told["sent_total"] == told["received_total"] and told["down_seconds"] == 0
        return told if is_whole and told["recovery_seconds_count"] > before["recovery_seconds_count"] else {}

    told = await eventually(recovered, timeout_seconds=40.0)
    assert (told["lost_total"], told["duplicates_total"], told["refused_total"]) == (0, 0, 0)
    recoveries = told["recovery_seconds_count"] - before["recovery_seconds_count"]
    assert 1.0 < (told["recovery_seconds_sum"] - before["recovery_seconds_sum"]) / recoveries < 40.0
    assert told["duration_seconds_count"] == told["received_total"]


def test_what_the_canary_needs_is_named_in_one_line():
    named = {"CAUSERIE_CANARY_GATEWAYS": "ws://127.0.0.1:1", "CAUSERIE_CANARY_APIS": "http://127.0.0.1:1"}

    assert said(**named) == "causerie: CAUSERIE_JWT_SECRET is not set: the canary signs its own tokens\n"
    assert said() == "causerie: CAUSERIE_CANARY_GATEWAYS is not set\n"


def said(**environment: str) -> str:
    """Why it does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "causerie", "canary"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    return done.stderr
