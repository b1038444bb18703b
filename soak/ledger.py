"""The loss ledger: what was promised, held against what became of it. Pure: values in, values out.

Every difference is a finding of some kind, with the time of the promise it breaks where there is one, so that
findings can be counted for the whole run and for the time of each fault.
"""

import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from soak.evidence import Acknowledged, Evidence, Sighting, Struck

CONVERGED_WITHIN_SECONDS = 10.0
MIN_ACCEPTED = 500
MIN_ACCEPTED_SHARE = 0.3
"""Of the sends that were due; a platform that refuses most of them loses nothing and proves nothing."""


class Kind(StrEnum):
    """What can be wrong; each is counted in the ledger under this name."""

    LOST = "lost"
    """Acknowledged, and not there: a message, an edit, a read mark."""
    DUPLICATED = "duplicated"
    """One send or one event that took effect twice."""
    HOLE = "holes"
    """A seq that is missing, in PostgreSQL or in what a client saw."""
    REORDERED = "reordered"
    """Seen out of order, or numbered against the order of the answers."""
    DIFFERENT = "different"
    """A client saw another event under this seq than PostgreSQL holds."""
    SKIPPED = "skipped"
    """A connection jumped over something in silence."""
    OVERTAKEN = "overtaken"
    """A connection got an event before one it follows."""
    STALE = "stale"
    """History showed something else than PostgreSQL holds."""
    GHOST = "ghosts"
    """Shown online and gone, or there and not shown."""
    BEHIND = "behind"
    """A client that had not seen everything at the end."""
    LATE = "late"
    """A heal after which clients took longer than promised, or never converged."""
    UNPROVEN = "unproven"
    """A fault that did not provably happen."""


FAILS = frozenset(Kind) - {Kind.UNPROVEN}


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    """Nothing was found wrong, but too little happened to say that anything was right."""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    what: str
    at: float | None = None
    """When the promise it breaks was given."""


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One kind of fault: what was accepted and found in the time between its strike and the next one's."""

    fault: str
    times: int
    proven: int
    accepted: int
    findings: Mapping[Kind, int]
    slowest_seconds: float | None
    """Of all its heals; None when clients never converged after one."""


@dataclass(frozen=True, slots=True)
class Ledger:
    due: int
    accepted: int
    expected: int
    """Deliveries: each accepted message to each member."""
    delivered: int
    healed: int
    ghosts_looked_for: bool
    findings: Sequence[Finding]
    faults: Sequence[FaultRow]

    def count(self, kind: Kind) -> int:
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def too_little(self) -> bool:
        return self.accepted < max(MIN_ACCEPTED, MIN_ACCEPTED_SHARE * self.due)

    @property
    def verdict(self) -> Verdict:
        kinds = {finding.kind for finding in self.findings}
        if kinds & FAILS:
            return Verdict.FAIL
        if kinds or self.too_little or not self.faults or not self.ghosts_looked_for:
            return Verdict.UNKNOWN
        return Verdict.PASS


def draw(evidence: Evidence) -> Ledger:
    """Hold all promises of a run against what became of them."""
    accepted = {ack.client_id: ack for ack in reversed(evidence.acknowledged)}
    promised_at = {(ack.conversation_id, ack.seq): ack.ended for ack in accepted.values()}
    findings = [
        *_answers(evidence),
        *_log(evidence, promised_at),
        *_sights(evidence, promised_at),
        *_marks(evidence),
        *(Finding(Kind.SKIPPED, what) for what in evidence.skipped),
        *(Finding(Kind.OVERTAKEN, what) for what in evidence.overtaken),
        *(Finding(Kind.STALE, what) for what in evidence.stale),
        *(Finding(Kind.GHOST, f"{user} is shown online") for user in evidence.ghosts or ()),
        *_faults(evidence.faults),
    ]
    known = {(ack.conversation_id, ack.message_id) for ack in accepted.values()}
    delivered = sum(
        len({(conversation, s.message_id) for s in sights if s.kind == "message.new"} & known)
        for seen in evidence.seen.values()
        for conversation, sights in seen.items()
    )
    return Ledger(
        due=evidence.due,
        accepted=len(accepted),
        expected=sum(len(evidence.members[ack.conversation_id]) for ack in accepted.values()),
        delivered=delivered,
        healed=evidence.healed,
        ghosts_looked_for=evidence.ghosts is not None,
        findings=findings,
        faults=_rows(evidence.faults, sorted(ack.ended for ack in accepted.values()), findings),
    )


def _answers(evidence: Evidence) -> Iterator[Finding]:
    """Each answer must still be true at the end."""
    posted = {
        (conversation, s.message_id): s
        for conversation, log in evidence.log.items()
        for s in log
        if s.kind == "message.new"
    }
    first: dict[str, Acknowledged] = {}
    for ack in evidence.acknowledged:
        before = first.setdefault(ack.client_id, ack)
        if before.message_id != ack.message_id:
            yield Finding(Kind.DUPLICATED, f"{ack.client_id} was answered with two messages", ack.ended)
        stored = posted.get((ack.conversation_id, ack.message_id))
        if stored is None or stored.seq != ack.seq:
            yield Finding(Kind.LOST, f"{ack.client_id}, acknowledged as seq {ack.seq}", ack.ended)
    edits = {s.message_id for log in evidence.log.values() for s in log if s.kind == "message.edit"}
    for edit in evidence.edited:
        if edit.message_id not in edits:
            yield Finding(Kind.LOST, f"the edit of {edit.message_id}", edit.ended)
    by_conversation: dict[str, list[Acknowledged]] = {}
    for ack in first.values():
        by_conversation.setdefault(ack.conversation_id, []).append(ack)
    for acks in by_conversation.values():
        yield from _against_time(sorted(acks, key=lambda ack: ack.seq, reverse=True))


def _against_time(newest_first: Sequence[Acknowledged]) -> Iterator[Finding]:
    """A send that began after another was answered must not come before it."""
    earliest: Acknowledged | None = None
    for ack in newest_first:
        if earliest is not None and ack.began > earliest.ended:
            what = (
                f"{ack.client_id} (seq {ack.seq}) was sent after {earliest.client_id} (seq {earliest.seq}) was answered"
            )
            yield Finding(Kind.REORDERED, what, ack.ended)
        if earliest is None or ack.ended < earliest.ended:
            earliest = ack


def _log(evidence: Evidence, promised_at: Mapping[tuple[str, int], float]) -> Iterator[Finding]:
    """The truth itself: numbered without a hole, each send and each edit in it once."""
    for conversation, log in evidence.log.items():
        seqs = {s.seq for s in log}
        for seq in sorted(set(range(1, max(seqs, default=0) + 1)) - seqs):
            yield Finding(Kind.HOLE, f"seq {seq} of {conversation} in the log", promised_at.get((conversation, seq)))
        effects: Counter[tuple[str, str | None]] = Counter()
        for s in log:
            effects["seq", str(s.seq)] += 1
            if s.kind in ("message.new", "message.edit"):
                effects[s.kind, s.client_id or s.message_id] += 1
        for (kind, name), times in effects.items():
            if times > 1:
                yield Finding(Kind.DUPLICATED, f"{kind} {name} stands {times} times in the log of {conversation}")


def _sights(evidence: Evidence, promised_at: Mapping[tuple[str, int], float]) -> Iterator[Finding]:
    """What each client saw, against the log."""
    for conversation, members in evidence.members.items():
        log = {s.seq: s for s in evidence.log.get(conversation, ())}
        end = max(log, default=0)
        for client in members:
            where = f"of {conversation} at {client}"
            for finding in _sight(evidence.seen.get(client, {}).get(conversation, ()), log, end, where):
                kind, seq, what = finding
                yield Finding(kind, what, promised_at.get((conversation, seq)))


def _sight(
    sights: Sequence[Sighting], log: Mapping[int, Sighting], end: int, where: str
) -> Iterator[tuple[Kind, int, str]]:
    taken: set[int] = set()
    last = 0
    for s in sights:
        if s.seq in taken:
            yield Kind.DUPLICATED, s.seq, f"seq {s.seq} {where} took effect twice"
        elif s.seq < last:
            yield Kind.REORDERED, s.seq, f"seq {s.seq} {where} came after {last}"
        if log.get(s.seq) != s:
            yield Kind.DIFFERENT, s.seq, f"seq {s.seq} {where} is not what the log holds"
        taken.add(s.seq)
        last = max(last, s.seq)
    for seq in sorted(set(range(1, last + 1)) - taken):
        yield Kind.HOLE, seq, f"seq {seq} {where}"
    if last < end:
        yield Kind.BEHIND, end, f"seq {last} of {end} {where}"


def _marks(evidence: Evidence) -> Iterator[Finding]:
    for (user, conversation), seq in evidence.marks.items():
        stored = evidence.stored_marks.get((user, conversation), 0)
        if stored < seq:
            yield Finding(Kind.LOST, f"the read mark {seq} of {user} in {conversation}: it is {stored}")


def _faults(faults: Sequence[Struck]) -> Iterator[Finding]:
    for struck in faults:
        if struck.proof is None:
            yield Finding(Kind.UNPROVEN, f"{struck.fault} {struck.place}", struck.began)
        if struck.converged_seconds is None or struck.converged_seconds > CONVERGED_WITHIN_SECONDS:
            took = "never" if struck.converged_seconds is None else f"after {struck.converged_seconds:.1f} s"
            yield Finding(Kind.LATE, f"clients converged {took} from {struck.fault} {struck.place}", struck.began)


def _rows(faults: Sequence[Struck], accepted_at: Sequence[float], findings: Sequence[Finding]) -> list[FaultRow]:
    """The same figures by kind of fault; a fault's time lasts until the next one strikes."""
    in_order = sorted(faults, key=lambda struck: struck.began)
    begins = [struck.began for struck in in_order]
    counts: dict[str, Counter[Kind]] = {struck.fault: Counter() for struck in in_order}
    for finding in findings:
        place = -1 if finding.at is None else bisect.bisect_right(begins, finding.at) - 1
        if place >= 0:
            counts[in_order[place].fault][finding.kind] += 1
    accepted: Counter[str] = Counter()
    for place, struck in enumerate(in_order):
        until = begins[place + 1] if place + 1 < len(begins) else float("inf")
        accepted[struck.fault] += bisect.bisect_left(accepted_at, until) - bisect.bisect_left(accepted_at, struck.began)
    rows = []
    for fault in counts:
        mine = [struck for struck in in_order if struck.fault == fault]
        took = [struck.converged_seconds for struck in mine if struck.converged_seconds is not None]
        rows.append(
            FaultRow(
                fault=fault,
                times=len(mine),
                proven=sum(struck.proof is not None for struck in mine),
                accepted=accepted[fault],
                findings=counts[fault],
                slowest_seconds=max(took) if len(took) == len(mine) else None,
            )
        )
    return rows
