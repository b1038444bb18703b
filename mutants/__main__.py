"""`make mutants`: break each promise in a copy of the code, run the test that should notice, and print what it said.

    python -m mutants [NAME ...]

Exits with 1 when a mutant survived, or when its test fails on the code as it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("causerie", "services", "migrations", "tests", "web", "pyproject.toml")
TEST_SECONDS = 120


def copy_to(folder: Path) -> None:
    """The code as it stands, without what runs have left in it."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def break_(folder: Path, mutant: Mutant) -> None:
    for edit in mutant.edits:
        path = folder / edit.path
        path.write_text(path.read_text().replace(edit.before, edit.after))


def passes(folder: Path, mutant: Mutant) -> bool:
    """Whether the mutant's test passes on the code in `folder`; one that hangs does not."""
    path, part = mutant.test
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path, "-k", part]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutant.name}: the test could not be run\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.returncode == 0


def judge(mutant: Mutant) -> str:
    """`caught`, `SURVIVED`, or `RED BEFORE`."""
    with tempfile.TemporaryDirectory(prefix="causerie-mutant-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy_to(folder)
        if not passes(folder, mutant):
            return "RED BEFORE"
        break_(folder, mutant)
        return "SURVIVED" if passes(folder, mutant) else "caught"


def main(wanted: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    failures = 0
    for mutant in chosen:
        verdict = judge(mutant)
        failures += verdict != "caught"
        print(f"{verdict:10}  {mutant.name:40}  {mutant.test[0]} -k {mutant.test[1]}", flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} mutants were caught")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
