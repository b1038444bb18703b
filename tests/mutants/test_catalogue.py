"""The catalogue of mutants keeps up with the code: `make mutants` runs them, this keeps them runnable."""

import ast
from functools import cache
from pathlib import Path

import pytest

from mutants.catalogue import MUTANTS, page
from mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_code_that_is_there_and_names_a_test_that_is_there(mutant: Mutant):
    for edit in mutant.edits:
        assert (ROOT / edit.path).read_text().count(edit.before) == 1, edit.path
        assert edit.path.startswith(("causerie/", "services/", "migrations/"))

    path, _, test = mutant.test.partition("::")
    assert test.startswith("test_") and test in functions_of(path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_copy_is_still_python(mutant: Mutant):
    """Else any test would notice."""
    broken: dict[str, str] = {}
    for edit in mutant.edits:
        broken.setdefault(edit.path, (ROOT / edit.path).read_text())
        broken[edit.path] = broken[edit.path].replace(edit.before, edit.after)

    for path, text in broken.items():
        assert text != (ROOT / path).read_text()
        ast.parse(text, path)


def test_every_promise_has_its_own_mutant():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 10


def test_the_page_lists_them_as_they_are():
    assert (ROOT / "docs/mutants.md").read_text() == page(), "run `python -m mutants --page > docs/mutants.md`"
