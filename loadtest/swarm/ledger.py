"""What reached whom: every durable event of a conversation has a number, so nobody has to be told what to expect.

A connection that knows where a conversation stood when it began to listen must get every later number once, in whatever
order a catch-up brings them.  What is still missing at the end, when everything has had its time, is lost.
"""

from collections.abc import Mapping


class Ledger:
    """Of all people of one process. Conversations are named by the bytes of their id."""

    def __init__(self) -> None:
        self._last: dict[int, dict[bytes, int]] = {}
        self._ahead: dict[tuple[int, bytes], set[int]] = {}
        self.heads: dict[bytes, int] = {}
        """The highest number anybody here has seen."""
        self.delivered = 0
        self.duplicates = 0

    def begin(self, person: int, conversation: bytes, seq: int) -> None:
        """All after `seq` is to come; a later beginning of one who listens already moves him on."""
        known = self._last.setdefault(person, {})
        known[conversation] = max(known.get(conversation, -1), seq)
        self._advance(person, conversation, known)

    def take(self, person: int, conversation: bytes, seq: int) -> bool:
        """One event came; False when it had come before."""
        if seq > self.heads.get(conversation, 0):
            self.heads[conversation] = seq
        known = self._last.setdefault(person, {})
        last = known.get(conversation)
        if last is not None and seq == last + 1 and not self._ahead:
            known[conversation] = seq
        elif last is not None and seq <= last:
            self.duplicates += 1
            return False
        else:
            ahead = self._ahead.setdefault((person, conversation), set())
            if seq in ahead:
                self.duplicates += 1
                return False
            ahead.add(seq)
            self._advance(person, conversation, known)
        self.delivered += 1
        return True

    def acked(self, conversation: bytes, seq: int) -> None:
        """The server says that it has this event, so everybody must get it, even if nobody ever does."""
        self.heads[conversation] = max(seq, self.heads.get(conversation, 0))

    def forget(self, person: int) -> None:
        """He left for good; nothing more is to reach him."""
        for conversation in self._last.pop(person, {}):
            self._ahead.pop((person, conversation), None)

    def missing(self, heads: Mapping[bytes, int]) -> int:
        """Events that should have come by now. `heads` are of all processes; those of this one count as well."""
        lost = 0
        for person, known in self._last.items():
            for conversation, last in known.items():
                head = max(heads.get(conversation, 0), self.heads.get(conversation, 0))
                if head > last:
                    lost += head - last - len(self._ahead.get((person, conversation), ()))
        return lost

    def _advance(self, person: int, conversation: bytes, known: dict[bytes, int]) -> None:
        ahead = self._ahead.get((person, conversation))
        last = known.get(conversation)
        if ahead is None or last is None:
            return
        while last + 1 in ahead:
            last += 1
        known[conversation] = last
        ahead -= {seq for seq in ahead if seq <= last}
        if not ahead:
            del self._ahead[(person, conversation)]
