"""`python -m loadtest.planner.proof`, by `make plan-proof`: does a plan from small runs say what a large one needs?

Runs the scenario `sizing` at each size, one after another; learns from all but the last, predicts the last, and holds
the prediction against what was measured: memory within 10 %, CPU inside the printed interval, which is no wider than
± 35 %.  Takes about thirteen minutes for 2,000, 5,000 and 20,000 connections on two idle cores.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.planner.chart import chart
from loadtest.planner.model import Cost, Estimate, Model, learn
from loadtest.planner.records import SERVICES, Run, StageSeen, read
from loadtest.trouble import Trouble

MEMORY_SHARE = 0.10
WIDEST_SHARE = 0.35
JUDGED_STAGE = "busy"
"""In which everything is done at once; the others are shown."""
TALK = (4.0, 8.0, 6.0)
"""Times what a thousand connections say, in the first, second and third run: how many connections there are shall
differ, and what is said lie between what was measured."""
RESULTS = Path(".data/loadtest/proof")


@dataclass(frozen=True)
class Line:
    """One comparison."""

    stage: str
    part: str
    predicted: Estimate
    measured: float
    is_memory: bool

    @property
    def off(self) -> float:
        return self.measured / self.predicted.value - 1 if self.predicted.value else float("inf")

    @property
    def holds(self) -> bool:
        if self.is_memory:
            return abs(self.off) <= MEMORY_SHARE
        is_inside = self.predicted.low <= self.measured <= self.predicted.high
        return is_inside and self.predicted.share <= WIDEST_SHARE


def compare(model: Model, run: Run) -> list[Line]:
    """All stages of a run, cores then memory: the gateways, and everything together."""
    lines = []
    for stage in run.stages:
        lines += _lines(stage, model, is_memory=False)
        if stage.load.handshakes < 1.0:
            lines += _lines(stage, model, is_memory=True)
    return lines


def _lines(stage: StageSeen, model: Model, *, is_memory: bool) -> list[Line]:
    costs = model.memory if is_memory else model.cores
    # Stores keep what was said in the meantime, which no number of connections predicts; their memory is not judged.
    names = [name for name in costs if name in stage.parts and (name in SERVICES or not is_memory)]
    said = {name: _said(costs[name], stage) for name in names}
    measured = {name: stage.parts[name].memory_bytes if is_memory else stage.parts[name].cores for name in names}
    each = [Line(stage.stage, name, said[name], measured[name], is_memory) for name in names]
    pods = {name: float(stage.parts[name].pods) for name in names}
    together = Estimate.total(list(said.values())) if is_memory else model.all_cores(stage.load, pods)
    return [*each, Line(stage.stage, "all", together, sum(measured.values()), is_memory)]


def _said(cost: Cost, stage: StageSeen) -> Estimate:
    return cost.at(stage.load, stage.parts[cost.part].pods)


def judged(lines: Sequence[Line]) -> list[Line]:
    """What the proof stands or falls with."""
    return [line for line in lines if line.stage == JUDGED_STAGE and line.part in ("gateway", "all")]


def told(line: Line) -> str:
    unit, name = (1024 * 1024, "MiB") if line.is_memory else (1, "cores")
    return (
        f"{line.stage:<8} {line.part:<9} {name:<6} predicted {line.predicted.value / unit:9.3f} "
        f"± {line.predicted.share:4.0%}  measured {line.measured / unit:9.3f}  off {line.off:+6.1%}"
    )


def make(sizes: Sequence[int], out: Path, more: Sequence[str]) -> list[Path]:
    """Run the load tests, one after another.

    Raises:
        Trouble: one could not be run. A broken threshold is said, and no reason to stop: the figures are there.
    """
    files: list[Path] = []
    for size in sizes:
        folder = out / str(size)
        command = [sys.executable, "-m", "loadtest", "--scenario", "sizing", "--connections", str(size)]
        command += ["--out", str(folder), "--arrivals", str(max(100, min(400, size // 50)))]
        command += ["--talk", f"{TALK[min(len(files), len(TALK) - 1)] * 1_000 / size:.3f}", *more]
        print(f"\n{' '.join(command[1:])}", flush=True)
        status = subprocess.run(command, check=False).returncode
        if status not in (0, 1):
            raise Trouble(f"the run with {size:,} connections ended with status {status}")
        files.append(folder / "record.json")
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("plan-proof", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 5_000, 20_000], help="the last is predicted")
    parser.add_argument("--from", dest="files", type=Path, nargs="+", help="records instead of runs; the last likewise")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given, more = parser.parse_known_args(arguments)
    try:
        files = given.files or make(given.sizes, given.out, more)
        if len(files) < 2:
            raise Trouble("one record at least to learn from, and one to predict")
        runs = [read(file) for file in files]
        model = learn(runs[:-1])
        lines = compare(model, runs[-1])
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "fit.svg").write_text(chart(model, runs[:-1]))
    except Trouble as trouble:
        sys.stderr.write(f"plan-proof: {trouble}\n")
        return 2
    print(f"\nlearnt from {', '.join(model.runs)}; predicted: {runs[-1].name}\n")
    for line in lines:
        print(f"  {told(line)}")
    print(f"\njudged, in stage {JUDGED_STAGE!r}:")
    chosen = judged(lines)
    for line in chosen:
        print(f"{'HOLDS ' if line.holds else 'BROKEN'}  {told(line)}")
    holds = bool(chosen) and all(line.holds for line in chosen)
    print(
        f"\n{'PROVED' if holds else 'NOT PROVED'}: memory within {MEMORY_SHARE:.0%}, CPU inside ± ≤ {WIDEST_SHARE:.0%}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
