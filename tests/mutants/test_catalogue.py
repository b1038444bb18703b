"""The catalogue of mutants keeps up with the code: `make mutants` runs them, this keeps them runnable."""

from pathlib import Path

import pytest

from mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_code_that_is_there_and_names_a_test_that_is_there(mutant: Mutant):
    for edit in mutant.edits:
        assert (ROOT / edit.path).read_text().count(edit.before) == 1, edit.path

    path, part = mutant.test
    assert part in (ROOT / path).read_text()


def test_every_promise_has_its_own_mutant():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 10
