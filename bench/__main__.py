"""`python -m bench [NAME …]`: runs the named benchmarks, or all, each in a process of its own, one after another."""

import subprocess
import sys

BENCHMARKS = ("store_posts", "history", "cache_bytes", "e2e", "idle_memory", "gateway_memory", "slow_readers")
LIMIT_SECONDS = 150.0


def main() -> int:
    names = sys.argv[1:] or [*BENCHMARKS]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        try:
            ended = subprocess.run([sys.executable, "-m", f"bench.{name}"], timeout=LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            failed.append(name)
            continue
        if ended.returncode != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
