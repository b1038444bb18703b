"""The commands in `docs/operations`, taken out of the pages and run as an operator would paste them.

A block of `sh` or `sql` is run, in the order of its page.  One that cannot run here has an HTML comment right above it
that begins with `not run here:` and says why.  A second word behind the language names a block for a test that runs it
in the middle of something: that block is left out when the page is run by itself.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from causerie.embedded import wheels
from causerie.embedded.postgres import WHEEL

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "docs" / "operations"
COMMANDS = {"sh", "sql"}
NO_COMMANDS = {"ini", "yaml", "json", "text", "nginx", "toml"}
RUN_SECONDS = 300.0

_FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<comment>(?:(?!-->).)*) -->\n(?P=indent))?"
    r"```(?P<language>\S*)(?: (?P<name>\S+))?\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_EXCUSE = "not run here: "


@dataclass(frozen=True)
class Block:
    """One fenced block; `excuse` is why it cannot run here."""

    page: str
    language: str
    name: str | None
    text: str
    excuse: str | None

    @property
    def is_command(self) -> bool:
        return self.language in COMMANDS


@dataclass(frozen=True)
class Ran:
    """What came of a block."""

    status: int
    out: str


def every_page() -> list[str]:
    """Their paths below the folder, without the suffix."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.md"))


def pages() -> list[str]:
    """Every page that has a block of commands."""
    return [page for page in every_page() if any(block.is_command for block in blocks(page))]


def text_of(page: str) -> str:
    return (FOLDER / f"{page}.md").read_text()


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(page, found["language"], found["name"], dedent(found["text"]), _excuse(found["comment"]))
        for found in _FENCE.finditer(text_of(page))
    ]


def block(page: str, name: str) -> Block:
    """The block of that name."""
    [found] = [block for block in blocks(page) if block.name == name]
    return found


async def run(block: Block, environment: Mapping[str, str], directory: Path) -> Ran:
    """Paste a block into a shell, or into psql; what SQL changes is taken back."""
    script = block.text
    if block.language == "sql":
        script = f"psql -X -v ON_ERROR_STOP=1 \"$DATABASE_URL\" <<'SQL'\nBEGIN;\n{block.text}\nROLLBACK;\nSQL\n"
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=directory,
        env={"PATH": _path(), "HOME": str(directory), "PYTHONPATH": str(REPOSITORY), **environment},
    )
    async with asyncio.timeout(RUN_SECONDS):
        out, _ = await shell.communicate()
    assert shell.returncode is not None
    return Ran(shell.returncode, out.decode())


async def works(block: Block, environment: Mapping[str, str], directory: Path) -> str:
    """Run a block that must succeed; what it said."""
    ran = await run(block, environment, directory)
    assert ran.status == 0, f"{block.page}.md:\n{block.text}\nsaid: {ran.out}"
    return ran.out


def _excuse(comment: str | None) -> str | None:
    if comment is None or not comment.startswith(_EXCUSE):
        return None
    return comment.removeprefix(_EXCUSE).strip()


def _path() -> str:
    """`causerie`, the programs of PostgreSQL, and what every machine has."""
    ours = Path(sys.executable).parent
    servers = wheels.executable(WHEEL, r"pginstall18/bin/postgres$").parent
    assert shutil.which("causerie", path=str(ours)), "the environment lacks the command `causerie`"
    return os.pathsep.join([str(ours), str(servers), os.environ["PATH"]])
