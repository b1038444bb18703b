"""The checker itself: an honest run passes, and each planted lie turns the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from soak import ledger
from soak.evidence import Acknowledged, Edited, Evidence, Sighting, Struck
from soak.ledger import Kind, Verdict

GROUP = "group"
PEOPLE = ("ann", "ben", "cai")
MESSAGES = 600
FAULT = Struck("api killed", 0, began=100.0, healed=103.0, proof="pid 42 is gone", converged_seconds=0.4)


def posted(number: int) -> Sighting:
    return Sighting(number + 1, "message.new", f"m{number}", f"ann-{number}")


def acknowledged(number: int) -> Acknowledged:
    return Acknowledged(f"ann-{number}", GROUP, f"m{number}", number + 1, began=number, ended=number + 0.5)


LOG = (
    Sighting(1, "member.add"),
    *(posted(number) for number in range(1, MESSAGES + 1)),
    Sighting(MESSAGES + 2, "message.edit", "m1", "ann-1"),
)
HONEST = Evidence(
    due=MESSAGES,
    acknowledged=[acknowledged(number) for number in range(1, MESSAGES + 1)],
    members={GROUP: PEOPLE},
    log={GROUP: LOG},
    seen={name: {GROUP: LOG} for name in PEOPLE},
    faults=[FAULT],
    edited=[Edited(GROUP, "m1", 700.0)],
    marks={("ben", GROUP): 40},
    stored_marks={("ben", GROUP): 41},
    ghosts=[],
)


def seen_by_ben(sights: Sequence[Sighting]) -> Mapping[str, Mapping[str, Sequence[Sighting]]]:
    return {**HONEST.seen, "ben": {GROUP: sights}}


def without(seq: int) -> tuple[Sighting, ...]:
    return tuple(sighting for sighting in LOG if sighting.seq != seq)


def kinds(drawn: ledger.Ledger) -> set[Kind]:
    return {finding.kind for finding in drawn.findings}


def test_an_honest_run_passes_with_every_delivery_counted():
    drawn = ledger.draw(HONEST)

    assert drawn.verdict is Verdict.PASS, drawn.findings
    assert (drawn.accepted, drawn.delivered, drawn.expected) == (MESSAGES, 3 * MESSAGES, 3 * MESSAGES)
    assert drawn.faults == [ledger.FaultRow("api killed", 1, 1, MESSAGES - 99, {}, 0.4)]


def test_what_was_never_acknowledged_may_be_there_or_not():
    silent = replace(HONEST, acknowledged=HONEST.acknowledged[:-1], due=MESSAGES)

    assert ledger.draw(silent).verdict is Verdict.PASS


LIES = {
    "an acknowledged message is missing everywhere": (
        replace(HONEST, acknowledged=[*HONEST.acknowledged, acknowledged(MESSAGES + 7)]),
        Kind.LOST,
    ),
    "an acknowledged message has another seq": (
        replace(HONEST, acknowledged=[*HONEST.acknowledged[:-1], replace(acknowledged(MESSAGES), seq=5)]),
        Kind.LOST,
    ),
    "an acknowledged edit is missing": (replace(HONEST, edited=[Edited(GROUP, "m2", 700.0)]), Kind.LOST),
    "a read mark went back": (replace(HONEST, stored_marks={("ben", GROUP): 39}), Kind.LOST),
    "a repeat was answered with another message": (
        replace(HONEST, acknowledged=[*HONEST.acknowledged, replace(acknowledged(3), message_id="m4", seq=5)]),
        Kind.DUPLICATED,
    ),
    "a send stands in the log twice": (
        replace(HONEST, log={GROUP: (*LOG, Sighting(MESSAGES + 3, "message.new", "m9999", "ann-3"))}),
        Kind.DUPLICATED,
    ),
    "an event took effect twice at one client": (
        replace(HONEST, seen=seen_by_ben((*LOG[:5], LOG[4], *LOG[5:]))),
        Kind.DUPLICATED,
    ),
    "the log has a hole": (replace(HONEST, log={GROUP: without(30)}), Kind.HOLE),
    "one client missed an event in the middle": (replace(HONEST, seen=seen_by_ben(without(30))), Kind.HOLE),
    "one client saw two events the wrong way round": (
        replace(HONEST, seen=seen_by_ben((*LOG[:5], LOG[6], LOG[5], *LOG[7:]))),
        Kind.REORDERED,
    ),
    "a message stands before one that was answered before it was sent": (
        replace(
            HONEST,
            acknowledged=[replace(acknowledged(1), began=650.0, ended=651.0), *HONEST.acknowledged[1:]],
        ),
        Kind.REORDERED,
    ),
    "one client saw something else under a seq": (
        replace(HONEST, seen=seen_by_ben((*LOG[:5], LOG[5]._replace(message_id="m9999"), *LOG[6:]))),
        Kind.DIFFERENT,
    ),
    "one client did not get to the end": (replace(HONEST, seen=seen_by_ben(LOG[:-3])), Kind.BEHIND),
    "one client saw nothing at all": (replace(HONEST, seen={"ann": HONEST.seen["ann"]}), Kind.BEHIND),
    "a caught-up socket skipped in silence": (replace(HONEST, skipped=["ben got seq 9 after 7"]), Kind.SKIPPED),
    "a caught-up socket got an event before one it follows": (
        replace(HONEST, overtaken=["ben got seq 9 of group after 7"]),
        Kind.OVERTAKEN,
    ),
    "history showed something else than PostgreSQL holds": (replace(HONEST, stale=["the newest page"]), Kind.STALE),
    "somebody who vanished is shown online": (replace(HONEST, ghosts=["cai"]), Kind.GHOST),
    "clients never converged": (replace(HONEST, faults=[replace(FAULT, converged_seconds=None)]), Kind.LATE),
    "clients converged too late": (replace(HONEST, faults=[replace(FAULT, converged_seconds=10.1)]), Kind.LATE),
}


@pytest.mark.parametrize(("told", "kind"), LIES.values(), ids=LIES.keys())
def test_a_planted_lie_fails(told: Evidence, kind: Kind):
    drawn = ledger.draw(told)

    assert drawn.verdict is Verdict.FAIL
    assert kind in kinds(drawn)


TOO_LITTLE = {
    "a fault did not provably happen": replace(HONEST, faults=[FAULT, replace(FAULT, proof=None)]),
    "nothing was broken": replace(HONEST, faults=[]),
    "most of what was due was not accepted": replace(HONEST, due=10 * MESSAGES),
    "hardly anything was accepted": replace(HONEST, acknowledged=HONEST.acknowledged[:99], due=99),
    "nobody looked for ghosts": replace(HONEST, ghosts=None),
}


@pytest.mark.parametrize("told", TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_a_run_that_proves_nothing_is_unknown(told: Evidence):
    assert ledger.draw(told).verdict is Verdict.UNKNOWN


def test_a_loss_outweighs_a_fault_without_proof():
    told = replace(HONEST, faults=[replace(FAULT, proof=None)], ghosts=["cai"])

    assert ledger.draw(told).verdict is Verdict.FAIL


def test_findings_are_counted_with_the_fault_in_whose_time_the_promise_was_given():
    early, late = replace(FAULT, fault="early", began=0.0), replace(FAULT, fault="late", began=300.9)
    told = replace(HONEST, faults=[late, early], log={GROUP: without(400)}, seen=HONEST.seen)

    rows = {row.fault: row for row in ledger.draw(told).faults}

    assert rows["late"].findings[Kind.LOST] == 1
    assert not rows["early"].findings
    assert (rows["early"].accepted, rows["late"].accepted) == (300, 300)
