"""Whoever pastes a command of the operations pages gets what they say: each was run, or its page says why not."""

from pathlib import Path

import pytest

from tests.operations import pages

SHORTEST_EXCUSE = 20


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
    for path in pages.FOLDER.glob("*.md"):
        fences = sum(line.lstrip().startswith("```") for line in path.read_text().splitlines())
        assert fences == 2 * len(pages.blocks(path.stem)), f"a block of {path.name} is hidden from its test"
