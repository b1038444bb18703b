"""`python -m soak --seed 7 --scenario processes --minutes 10`: break the platform and print the loss ledger.

The exit status says the worst verdict: 0 PASS, 1 FAIL, 2 UNKNOWN.
"""

import argparse
import json
import sys

import uvloop

from soak import ledger, schedule
from soak.outcome import RESULTS, STATUS, keep_logs, show
from soak.report import ledger_text, matrix
from soak.run import RATE, run
from soak.scenarios import SCENARIOS, Scenario
from tests.support.stores import temporary_home


def main() -> int:
    asked = _arguments()
    seeds: list[int] = asked.seed or [1]
    names = [*SCENARIOS] if asked.scenario == "all" else [asked.scenario]
    ledgers: dict[tuple[str, int], ledger.Ledger] = {}
    for name in names:
        for seed in seeds:
            seconds = None if asked.minutes is None else 60 * asked.minutes
            ledgers[name, seed] = _one(SCENARIOS[name], seed, times=asked.times, seconds=seconds, rate=asked.rate)
    print("\n" + matrix(ledgers))
    # FAIL outweighs UNKNOWN outweighs PASS.
    return min(
        (STATUS[drawn.verdict] for drawn in ledgers.values() if drawn.verdict is not ledger.Verdict.PASS), default=0
    )


def _one(scenario: Scenario, seed: int, *, times: int, seconds: float | None, rate: float) -> ledger.Ledger:
    plan = schedule.draw(seed, scenario.faults, times=times, seconds=seconds)
    name = f"{scenario.name}, seed {seed}"
    minutes = sum(planned.lasts_seconds for planned in plan) / 60
    print(f"\n{name}: {len(plan)} faults in about {minutes:.0f} min, {rate:.0f} sends/s")
    with temporary_home() as home:
        try:
            evidence = uvloop.run(run(scenario, plan, home, seed=seed, rate=rate, show=show))
            drawn = ledger.draw(evidence)
        except BaseException:
            keep_logs(home, f"{scenario.name}-{seed}")
            raise
        if drawn.verdict is not ledger.Verdict.PASS:
            keep_logs(home, f"{scenario.name}-{seed}")
    print("\n" + ledger_text(name, drawn, evidence.faults))
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "scenario": scenario.name,
        "seed": seed,
        "verdict": drawn.verdict,
        "due": drawn.due,
        "accepted": drawn.accepted,
        "delivered": drawn.delivered,
        "expected": drawn.expected,
        "healed": drawn.healed,
        "findings": {kind: drawn.count(kind) for kind in ledger.Kind},
        "faults": [
            {"fault": row.fault, "times": row.times, "proven": row.proven, "slowest_seconds": row.slowest_seconds}
            for row in drawn.faults
        ],
    }
    (RESULTS / f"{scenario.name}-{seed}.json").write_text(json.dumps(record, indent=1) + "\n")
    return drawn


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description="Break the platform and print the loss ledger.")
    parser.add_argument("--seed", type=int, action="append", help="of the schedule and the crowd; may be repeated")
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="all")
    parser.add_argument("--times", type=int, default=1, help="how often each fault strikes")
    parser.add_argument("--minutes", type=float, help="go on for so long instead")
    parser.add_argument("--rate", type=float, default=RATE, help="sends a second")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
