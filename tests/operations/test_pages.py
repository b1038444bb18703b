"""Whoever pastes a command of the operations pages gets what they say: each was run, or its page says why not."""

import re
import shlex
from pathlib import Path

import pytest

from causerie.cli import arguments
from tests.operations import pages

SHORTEST_EXCUSE = 20
# In a sentence or at the beginning of a line of a block; not where something is only hinted at.
_OURS = re.compile(r"(?:`|^ *)causerie ([a-z-][^`…<>|\[\]\n$#\\]*?)(?= *(?:`|#|\n))", re.MULTILINE)


@pytest.mark.parametrize("page", pages.pages())
async def test_every_command_of_a_page_works_or_says_why_it_was_not_run(
    page: str, operator: dict[str, str], tmp_path: Path
) -> None:
    for block in pages.blocks(page):
        if block.is_command and block.excuse is None and block.name is None:
            await pages.works(block, operator, tmp_path)


@pytest.mark.parametrize("page", pages.pages())
def test_no_command_of_a_page_is_hidden_from_its_test(page: str) -> None:
    for block in pages.blocks(page):
        assert block.language in pages.COMMANDS | pages.NO_COMMANDS, f"a block of {page}.md does not say what it is"
        assert block.excuse is None or len(block.excuse) >= SHORTEST_EXCUSE, f"too short an excuse in {page}.md"


def test_every_fence_of_the_pages_is_seen() -> None:
    for page in pages.every_page():
        fences = sum(line.lstrip().startswith("```") for line in pages.text_of(page).splitlines())
        assert fences == 2 * len(pages.blocks(page)), f"a block of {page}.md is hidden from its test"


def test_every_command_of_ours_that_a_page_names_can_be_typed() -> None:
    named = [(page, command) for page in pages.every_page() for command in _OURS.findall(pages.text_of(page))]
    parser = arguments.parser()

    assert named
    for page, command in named:
        try:
            parser.parse_args(shlex.split(command, comments=True))
        except SystemExit:
            # What comes after the first words is left out where a sentence is about a whole family of commands.
            assert _is_family(command), f"{page}.md names `causerie {command}`, which is no command"


def _is_family(command: str) -> bool:
    with pytest.raises(SystemExit) as left:
        arguments.parser().parse_args([*shlex.split(command), "--help"])
    return left.value.code == 0
