"""When the machine stands still: what fails meanwhile is run once more, and nothing else is."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.stalls import LIMIT_SECONDS, NAP_SECONDS, Watch

ROOT = Path(__file__).parents[2]
PLUGINS = ("xdist.plugin", "pytest_asyncio.plugin", "pytest_timeout")
RUN_SECONDS = 120.0


def test_a_late_look_counts_and_one_in_time_does_not():
    watch = Watch(wall=10.0, cpu=1.0)

    assert watch.look(wall=10.0 + NAP_SECONDS, cpu=1.0) == 0
    assert watch.look(wall=10.0 + 2 * NAP_SECONDS + 0.9 * LIMIT_SECONDS, cpu=1.0) == 0
    assert watch.look(wall=20.0, cpu=1.0) == pytest.approx(10.0 - 3 * NAP_SECONDS - 0.9 * LIMIT_SECONDS)
    assert watch.look(wall=20.0, cpu=1.0) == watch.look(wall=20.0 + NAP_SECONDS, cpu=1.0) > 9


def test_what_the_process_worked_itself_is_no_standing_still():
    watch = Watch(wall=10.0, cpu=1.0)

    assert watch.look(wall=15.0, cpu=5.9) == 0
    assert watch.look(wall=20.0, cpu=7.9) == pytest.approx(3.0 - NAP_SECONDS)


def test_only_what_fails_while_the_machine_stands_still_is_run_once_more(tmp_path: Path):
    """With our own settings, in a test process of its own, as `make test` does it."""
    steps = tmp_path / "steps"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest"),
            *("-n", "1", "--dist", "loadfile", "-p", "no:cacheprovider"),
            *(part for plugin in PLUGINS for part in ("-p", plugin)),
            str(Path(__file__).with_name("stalled.py")),
        ],
        cwd=ROOT,
        env=os.environ | {"STEPS": str(steps), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    output = ran.stdout

    assert Counter(steps.read_text().splitlines()) == {
        "passes the second time": 2,
        # Made anew with all it stands on, and once more gone: the session goes on after that.
        "world made": 2,
        "half made": 2,
        "world gone": 2,
        "has its fixture": 1,
        "fails both times": 2,
        "fails while it stands still again": 2,
        "hangs": 2,
        "fails on a calm machine": 1,
        "passes all the same": 1,
        "fails twice for one reason": 2,
        "fails at the end": 2,
    }, output + ran.stderr
    assert "4 failed, 4 passed, 7 rerun" in output.splitlines()[-1], output
    assert "It stood still for" in output
    assert re.search(r"::test_that_passes_the_second_time \(\d+\.\d\d s\): AssertionError: too late", output), output
