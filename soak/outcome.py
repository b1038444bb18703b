"""What a run leaves on the screen and on the disk."""

import shutil
from pathlib import Path

from soak.ledger import Verdict

RESULTS = Path(__file__).resolve().parent.parent / ".data" / "soak"
STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 2}
"""What a process ends with."""


def show(line: str) -> None:
    print(line, flush=True)


def keep_logs(home: Path, name: str) -> None:
    """What the processes said, for whoever looks into it."""
    kept = RESULTS / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in home.glob("*.log"):
        shutil.copy(log, kept)
    show(f"the logs of this run are in {kept}")
