"""The JavaScript client's own tests, run by the Node that Playwright brings along."""

import subprocess
from pathlib import Path

import playwright
import pytest

NODE = Path(playwright.__file__).parent / "driver" / "node"
UNITS = sorted((Path(__file__).parent / "unit").glob("*.test.js"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_javascript_client_passes_its_own_tests(unit: Path) -> None:
    ran = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", unit], capture_output=True, text=True, timeout=60, check=False
    )

    print(ran.stdout)  # noqa: T201 - pytest shows it when the run fails, and with -rA always
    assert ran.returncode == 0, ran.stderr or "see the output of node --test"
