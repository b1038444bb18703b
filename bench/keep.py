"""`python -m bench.keep NAME …`: keeps results in `bench/results`, where `docs/performance.md` is made from.

Only what was measured at a commit is kept: nobody can measure again what a checkout with changes did.
"""

import argparse
import shutil
from pathlib import Path

from bench.budgets import KEPT
from bench.records import read
from bench.report import RESULTS


class NotKept(Exception):
    """Why a result is no record; the message is for whoever asked."""


def keep(name: str, *, source: Path = RESULTS, kept: Path = KEPT) -> Path:
    """Copy one result, in place of an earlier one.

    Raises:
        NotKept: there is none, or it is not that of a commit.
    """
    record = read(source).get(name)
    if record is None:
        raise NotKept(f"{name}: no result in {source}; `python -m bench {name}` makes one")
    if not record.commit.isalnum():
        raise NotKept(f"{name}: measured at {record.commit}; commit first, then measure again")
    kept.mkdir(exist_ok=True)
    return Path(shutil.copyfile(source / f"{name}.json", kept / f"{name}.json"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Keep results for the page of figures.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="as .data/bench/NAME.json is called")
    parser.add_argument("--source", type=Path, default=RESULTS, help="where the results are, of another checkout too")
    arguments = parser.parse_args()
    refused = []
    for name in arguments.names:
        try:
            print(keep(name, source=arguments.source))
        except NotKept as reason:
            refused.append(name)
            print(reason)
    if len(refused) < len(arguments.names):
        print("now: python -m bench.performance")
    return bool(refused)


if __name__ == "__main__":
    raise SystemExit(main())
