"""Where poison ends: what could not be handled is named here and left aside, so that everything else flows on.

A letter says what it was, where it came from and which error it caused, never what was written in it.  An event that
ends here stays in the log, and its readers were told to fetch what they lack.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import astuple, dataclass

from causerie import telemetry
from causerie.domain.errors import Unavailable
from causerie.domain.ids import ConversationId
from causerie.store.store import Store

log = logging.getLogger(__name__)

MAX_WAITING = 1_000
"""Different letters kept until PostgreSQL takes them; more are counted and not written."""
GATHER_SECONDS = 0.25
RETRY_SECONDS = 1.0
KEPT_DAYS = 90

# In the order of their key, else two writers could deadlock.
_WRITE = """
INSERT INTO dead_letters (kind, subject, conversation_id, seq, reason, times)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::bigint[])
    AS letter (kind, subject, conversation_id, seq, reason, times) ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (kind, subject, conversation_id, seq, reason)
DO UPDATE SET times = dead_letters.times + excluded.times, last_at = clock_timestamp()"""

_FORGET = "DELETE FROM dead_letters WHERE last_at < clock_timestamp() - make_interval(days => $1)"


@dataclass(frozen=True, slots=True)
class _Letter:
    kind: str
    subject: str
    conversation_id: ConversationId | None
    seq: int | None
    reason: str


class DeadLetters:
    """Takes letters without making anybody wait; run `write` beside the work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: Counter[_Letter] = Counter()
        self._wake = asyncio.Event()

    def bury(
        self,
        kind: str,
        subject: str,
        error: Exception | str,
        *,
        conversation_id: ConversationId | None = None,
        seq: int | None = None,
    ) -> None:
        """Leave something aside. `kind` is one of `telemetry.DEAD_LETTERS`; of an error only the name is kept."""
        telemetry.DEAD_LETTERS.add(kind)
        reason = error if isinstance(error, str) else type(error).__name__
        letter = _Letter(kind, subject, conversation_id, seq, reason)
        if letter not in self._waiting:
            log.error("a dead letter", extra={"kind": kind, "subject": subject, "reason": reason, "seq": seq})
            if len(self._waiting) >= MAX_WAITING:
                return
        self._waiting[letter] += 1
        self._wake.set()

    async def write(self) -> None:
        """Write what was left aside, for as long as the process lives."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            letters, self._waiting = self._waiting, Counter()
            try:
                await self._write(letters)
            except Exception as error:  # the loop's edge: whatever it was, the letters are tried again
                if not isinstance(error, Unavailable):
                    log.exception("dead letters could not be written")
                self._waiting.update(letters)
                self._wake.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, letters: Counter[_Letter]) -> None:
        columns = list(zip(*map(astuple, letters), strict=True))
        async with self._store.connection("dead_letters") as connection:
            await connection.execute(_WRITE, *columns, list(letters.values()))
            await connection.execute(_FORGET, KEPT_DAYS)
