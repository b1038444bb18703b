"""Another time for a process: Debian's libfaketime, loaded before everything else.

The steady clock stays the true one, as on a machine whose clock is set wrongly: loops, timeouts and leases go by it.
"""

from pathlib import Path

import pytest


def shifted(seconds: float) -> dict[str, str]:
    """The environment in which a process believes it is so much later (or earlier)."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{seconds:+.3f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def library() -> Path:
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        pytest.fail("no libfaketime on this machine: wrong clocks cannot be tested (apt-get install faketime)")
    return found
