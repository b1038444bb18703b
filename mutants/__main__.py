"""`make mutants`: break each promise in a copy of the code, run the test that should notice, and print what it said.

    python -m mutants [--jobs N] [NAME ...]
    python -m mutants --page > docs/mutants.md

Exits with 1 when a mutant survived or could not be tried, or when one of the tests fails on the code as it is.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from mutants.catalogue import MUTANTS, page
from mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("causerie", "services", "migrations", "tests", "web", "pyproject.toml")
JOBS = 2
TEST_SECONDS = 60
"""A mutant may hang its test; on the code as it is each of them takes a third of this at most."""
RUN_SECONDS = 90
BASELINE_SECONDS = 600
PASSED, FAILED = 0, 1
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:schemathesis")
"""None of these tests needs it, and to import it takes longer than many of them."""


@contextmanager
def a_copy(broken_by: Mutant | None = None) -> Iterator[Path]:
    """The code as it stands, or broken by a mutant, without what runs have left in it."""
    with tempfile.TemporaryDirectory(prefix="causerie-mutant-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / part)
        for edit in broken_by.edits if broken_by else ():
            path = folder / edit.path
            text = path.read_text()
            if text.count(edit.before) != 1:
                raise SystemExit(f"{edit.path} has no one place for: {edit.before}")
            path.write_text(text.replace(edit.before, edit.after))
        yield folder


def run(folder: Path, tests: Collection[str], *options: str, timeout_seconds: float) -> tuple[int, str]:
    """The exit status of pytest in `folder`, and what it wrote; a run that hangs has failed."""
    command = [sys.executable, "-m", "pytest", "-q", *WITHOUT, *options, *tests]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FAILED, "1 failed: it hung"
    return done.returncode, done.stdout.decode(errors="replace")


def passes_unbroken(mutants: Sequence[Mutant], jobs: int) -> bool:
    """Whether the tests pass on the code as it is; a test that is red anyway notices nothing."""
    tests = list(dict.fromkeys(mutant.test for mutant in mutants))
    with a_copy() as folder:
        shared = ("-n", str(min(jobs, len(tests))), "--dist", "loadfile") if min(jobs, len(tests)) > 1 else ()
        status, said = run(folder, tests, *shared, timeout_seconds=BASELINE_SECONDS)
    if status != PASSED:
        print(said)
    return status == PASSED


def judge(mutant: Mutant) -> str:
    """`caught`, `SURVIVED`, or `NOT TRIED` when the test itself did not come to run."""
    with a_copy(broken_by=mutant) as folder:
        status, said = run(folder, [mutant.test], "-x", "-o", f"timeout={TEST_SECONDS}", timeout_seconds=RUN_SECONDS)
    if status == PASSED:
        return "SURVIVED"
    if status == FAILED and re.search(r"\b\d+ failed", said):
        return "caught"
    print(said)
    return "NOT TRIED"


def _timed(mutant: Mutant) -> tuple[str, float]:
    began = monotonic()
    return judge(mutant), monotonic() - began


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--page", action="store_true", help="print docs/mutants.md")
    given = parser.parse_args(arguments)
    if given.page:
        sys.stdout.write(page())
        return 0
    if unknown := set(given.names) - {mutant.name for mutant in MUTANTS}:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in MUTANTS if not given.names or mutant.name in given.names]
    print(f"{len(chosen)} mutants; first their tests on the code as it is", flush=True)
    if not passes_unbroken(chosen, given.jobs):
        print("a test fails on the code as it is")
        return 1
    failures = 0
    with ThreadPoolExecutor(max_workers=given.jobs) as pool:
        judged = {pool.submit(_timed, mutant): mutant for mutant in chosen}
        for done, future in enumerate(as_completed(judged), start=1):
            verdict, seconds = future.result()
            failures += verdict != "caught"
            mutant = judged[future]
            print(f"{done:3}/{len(chosen)}  {verdict:9} {seconds:5.1f} s  {mutant.name:40} {mutant.test}", flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} mutants were caught")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
