"""`make mutants` tells a mutant that was noticed from one that was not, and from one that was never tried."""

import pytest

from mutants.__main__ import judge
from mutants.mutant import Edit, Mutant

LISTENING = "causerie/bus/listening.py"
TEST = "tests/bus/test_listening.py::test_silence_asks_for_a_ping_and_an_answer_is_enough"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ("SILENCE_SECONDS = 3.0", "SILENCE_SECONDS = 300.0", "caught"),
        ("SILENCE_SECONDS = 3.0", "SILENCE_SECONDS = 3.00", "SURVIVED"),
        ("SILENCE_SECONDS = 3.0", "SILENCE_SECONDS = = 3.0", "NOT TRIED"),
    ],
)
def test_a_mutant_is_judged_by_its_test_alone(before: str, after: str, verdict: str):
    assert judge(Mutant("planted", "none", (Edit(LISTENING, before, after),), TEST)) == verdict
