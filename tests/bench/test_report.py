"""A result names the commit it is of, and says when it is of none."""

import subprocess
from pathlib import Path

import pytest

from bench.report import commit


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "fanout.py").write_text("SECONDS = 2\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "bench: Measure."]):
        settings = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "core.hooksPath=/dev/null"]
        subprocess.run(["git", *settings, *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_one_may_keep_a_result_and_write_about_it_before_the_next_is_measured(checkout: Path):
    measured_first = commit(checkout)

    (checkout / "bench" / "results").mkdir()
    (checkout / "bench" / "results" / "fanout.json").write_text("{}")
    (checkout / "bench" / "README.md").write_text("how to read it")
    (checkout / "docs").mkdir()
    (checkout / "docs" / "performance.md").write_text("the figures")

    assert commit(checkout) == measured_first
    assert measured_first.isalnum()


@pytest.mark.parametrize("changed", ["bench/fanout.py", "bench/new.py", "causerie/new.py"])
def test_a_change_that_was_not_committed_is_told_even_in_a_new_file(checkout: Path, changed: str):
    (checkout / changed).parent.mkdir(exist_ok=True)
    (checkout / changed).write_text("SECONDS = 1\n")

    assert commit(checkout).endswith("+changes")


def test_without_a_repository_there_is_no_commit(tmp_path: Path):
    assert commit(tmp_path) == "no commit"
