"""Runs `causerie …` as a person would, with an environment of the test's own."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FINISH_SECONDS = 90.0


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


async def causerie(*arguments: str | Path, **environment: str) -> Ran:
    """Run one command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "causerie", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
    )
    async with asyncio.timeout(FINISH_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
