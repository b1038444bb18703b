"""The checker of rollouts: an honest one passes, each planted lie turns the verdict."""

from dataclasses import replace

import pytest

from soak.evidence import Struck
from soak.ledger import FaultRow, Finding, Ledger, Verdict
from soak.ledger import Kind as Loss
from soak.rollout.report import rollout_text
from soak.rollout.steps import Drained, Kind, Rollout, Step

SECONDS = 30.0
EVENLY = [100.0 + place * SECONDS / 1_000 for place in range(1_000)]
DRAINED = Drained("ws://one", 1_000, 100.0, SECONDS, is_gone=True, goodbyes=EVENLY)
RESTART = Step("rolling restart", 60.0, [DRAINED, DRAINED], 0, {"ws://two": 1_004, "ws://three": 996}, [])
SCALE_OUT = Step("scale-out", 50.0, [], 900, {"one": 700, "two": 690, "three": 610}, [], is_scale_out=True)
LEDGER = Ledger(9_000, 9_000, 27_000, 27_000, 40, True, [], [FaultRow("rolling restart", 1, 1, 9_000, {}, 0.5)])
STRUCK = [Struck("rolling restart", 0, 100.0, 160.0, "seen", 0.5)]
HONEST = Rollout(LEDGER, [RESTART, SCALE_OUT], STRUCK)


def with_drained(**changes: object) -> Rollout:
    return replace(HONEST, steps=[replace(RESTART, drained=[DRAINED, replace(DRAINED, **changes)])])  # type: ignore[arg-type]


def test_an_honest_rollout_passes_and_says_what_happened() -> None:
    told = rollout_text("2,000 connections", HONEST)

    assert HONEST.verdict is Verdict.PASS, HONEST.findings
    assert "1000 + 1000" in told
    assert "33.3 + 33.3" in told
    assert "700 + 690 + 610" in told
    assert "ROLLOUT       PASS" in told


def test_a_second_with_twice_the_mean_is_still_no_herd_and_one_more_is() -> None:
    crowded = [100.5] * 66 + EVENLY[34:968]
    assert replace(DRAINED, goodbyes=crowded).busiest == 66
    assert with_drained(goodbyes=crowded).verdict is Verdict.PASS

    herd = with_drained(goodbyes=[100.5] * 67 + EVENLY[34:967])
    assert herd.verdict is Verdict.FAIL
    assert [finding.kind for finding in herd.findings] == [Kind.HERD]


def test_what_was_heard_after_we_stood_still_ourselves_was_said_meanwhile() -> None:
    heard = [at if at < 105.0 or at > 107.5 else 107.5 for at in EVENLY]

    assert with_drained(goodbyes=heard).verdict is Verdict.FAIL
    assert with_drained(goodbyes=heard, stalls=[(107.5, 2.5)]).verdict is Verdict.PASS


LIES = {
    "all were sent away at once": (with_drained(goodbyes=[100.0] * 1_000), Kind.HERD),
    "some were cut off without a word": (with_drained(cut_off=3), Kind.CUT),
    "a client did not come back": (replace(HONEST, steps=[replace(RESTART, away=["p7"])]), Kind.AWAY),
    "the new gateway got too little": (
        replace(HONEST, steps=[replace(SCALE_OUT, held={"one": 720, "two": 720, "three": 560})]),
        Kind.UNEVEN,
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_rollout_that_somebody_noticed_fails(lie: str) -> None:
    rollout, kind = LIES[lie]

    assert rollout.verdict is Verdict.FAIL
    assert kind in {finding.kind for finding in rollout.findings}
    assert "ROLLOUT       FAIL" in rollout_text("x", rollout)


NOTHING = {
    "the gateway still runs": with_drained(is_gone=False),
    "nobody sat at the gateway": with_drained(held=0, goodbyes=[]),
    "hardly anybody heard that it ends": with_drained(goodbyes=EVENLY[::2]),
    "nobody was moved after the scale-out": replace(HONEST, steps=[replace(SCALE_OUT, moved=0)]),
    "no step was taken": replace(HONEST, steps=[]),
    "too little was accepted": replace(HONEST, ledger=replace(LEDGER, accepted=400)),
}


@pytest.mark.parametrize("lack", NOTHING)
def test_what_did_not_happen_proves_nothing(lack: str) -> None:
    assert NOTHING[lack].verdict is Verdict.UNKNOWN


def test_a_lost_message_fails_however_gently_people_were_moved() -> None:
    lost = replace(LEDGER, findings=[Finding(Loss.LOST, "p1-7, acknowledged as seq 7")])

    assert replace(HONEST, ledger=lost).verdict is Verdict.FAIL
