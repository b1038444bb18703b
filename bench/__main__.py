"""`python -m bench [NAME …]`: runs the named benchmarks, or the quick ones, each in a process of its own, and ends with
every budget beside what was measured.

A name is a way of running a module: `fanout` is a short one and `fanout_peers` a long one of the same, so that both
write the same result, the later one last.
"""

import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass

from bench import budgets

GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Run:
    """`limit_seconds` is when it is given up."""

    module: str
    limit_seconds: float
    arguments: str = ""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", f"bench.{self.module}", *shlex.split(self.arguments)]


QUICK = {
    "store_posts": Run("store_posts", 120),
    "history": Run("history", 90),
    "cache_bytes": Run("cache_bytes", 60),
    "e2e": Run("e2e", 120),
    "idle_memory": Run("idle_memory", 150),
    "fanout": Run("fanout", 420, "--servers engine gateway socketify 'node ws' --bursts 1 16 --rounds 3 --seconds 1"),
    "connections": Run("connections", 180, "--connections 5000 --rate 2000"),
    "pipeline": Run("pipeline", 300),
    "channel": Run("channel", 180),
    "reconnect": Run("reconnect", 300),
}
LONG = {
    "gateway_memory": Run("gateway_memory", 150),
    "slow_readers": Run("slow_readers", 240),
    "loops": Run("loops", 240),
    "mixed": Run("mixed", 240),
    "flatness": Run("flatness", 300),
    "audience": Run("audience", 660),
    "channel_50000": Run("channel", 300, "--members 50000 --gateways 4 --rates 2 4 --bursts 1"),
    "hundred_thousand": Run("hundred_thousand", 960, "--sizes 1000 10000 50000"),
    "fanout_peers": Run("fanout", 3_600, "--subscribers 1000 5000 --bursts 1 4 16 --rounds 3"),
}
RUNS = QUICK | LONG


def main() -> int:
    names = sys.argv[1:] or [*QUICK]
    if unknown := [name for name in names if name not in RUNS]:
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(RUNS)}", file=sys.stderr)
        return 2
    failed = [name for name in names if not _ends_well(RUNS[name])]
    budgets.show()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def _ends_well(run: Run) -> bool:
    process = subprocess.Popen(run.command)
    try:
        return process.wait(run.limit_seconds) == 0
    except subprocess.TimeoutExpired:
        print(f"{run.module}: given up after {run.limit_seconds:g} s", file=sys.stderr)
        # As Ctrl-C would: it takes its stores, servers and generators with it.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return False


if __name__ == "__main__":
    sys.exit(main())
