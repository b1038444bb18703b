"""The page of figures shows what was kept and nothing else, and only what was measured at a commit is kept."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import performance
from bench.budgets import KEPT
from bench.keep import NotKept, keep
from bench.performance import DOCS, FOLDER, files, page, write
from bench.records import read

SMOKE = Path(__file__).parent / "results"
"""Results of small runs: their figures say nothing, their shape is that of the real ones."""


def test_the_page_and_its_pictures_are_what_the_kept_results_say():
    made = files(read(KEPT))

    for name, text in made.items():
        assert (DOCS / name).read_text() == text, "run `python -m bench.performance`"
    assert {path.relative_to(DOCS) for path in (DOCS / FOLDER).glob("*")} <= {*made}


def test_a_result_brings_its_table_its_picture_and_how_it_was_made(tmp_path: Path):
    written = write(read(SMOKE), tmp_path)

    text = (tmp_path / "performance.md").read_text()
    assert "| causerie engine " in text
    assert "![Fan-out](performance/fanout-1000-1.svg)" in text
    assert "`python -m bench.fanout --rounds 1`, commit 7e7d520b93, 2026-11-21" in text
    assert "## Slow readers\n\nNot measured yet: `python -m bench slow_readers`." in text
    assert Path("performance/idle_memory.svg") in written


def test_the_same_results_make_the_same_files_and_pictures_without_a_result_go(tmp_path: Path):
    write(read(SMOKE), tmp_path)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    write(read(SMOKE), tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == first

    write({}, tmp_path)

    assert [path.name for path in tmp_path.rglob("*.*")] == ["performance.md"]


def test_every_picture_can_be_read_and_names_its_axes():
    for picture in performance.pictures(read(SMOKE)).values():
        texts = [element.text or "" for element in ElementTree.fromstring(picture).iter() if element.text]

        assert any(text.startswith(("connections", "active conversations", "deliveries per second")) for text in texts)
        assert "nan" not in picture


def test_without_results_every_section_says_that_it_was_not_measured():
    assert page({}).count("Not measured yet") == len(performance.SECTIONS)


def test_a_result_of_a_commit_is_kept(tmp_path: Path):
    kept = keep("fanout", source=SMOKE, kept=tmp_path / "kept")

    assert read(kept.parent)["fanout"] == read(SMOKE)["fanout"]


@pytest.mark.parametrize(
    ("commit", "reason"), [("7e7d520b93+changes", "commit first, then measure again"), ("no commit", "commit first")]
)
def test_a_result_of_a_checkout_with_changes_is_refused(tmp_path: Path, commit: str, reason: str):
    result = json.loads((SMOKE / "fanout.json").read_text())
    (tmp_path / "fanout.json").write_text(json.dumps(result | {"commit": commit}))

    with pytest.raises(NotKept, match=reason):
        keep("fanout", source=tmp_path, kept=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_result_that_is_not_there_is_refused_with_what_makes_it(tmp_path: Path):
    shutil.copy(SMOKE / "fanout.json", tmp_path)

    with pytest.raises(NotKept, match="python -m bench e2e"):
        keep("e2e", source=tmp_path, kept=tmp_path)
