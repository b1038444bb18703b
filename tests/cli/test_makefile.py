"""What `make help` promises is what make does."""

import re
from pathlib import Path

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def test_no_target_is_taken_for_a_folder_of_its_name():
    """`soak` and `bench` are folders: without a line in .PHONY make says that they are up to date."""
    text = MAKEFILE.read_text()
    offered = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}

    assert offered
    assert offered - phony == set()
