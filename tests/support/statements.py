"""How many statements pass on their way to PostgreSQL, counted on the wire: nothing a service says of itself."""

from tests.support.relay import Relay

_LENGTH_BYTES = 4
_SSL_REQUEST_BYTES = 8
_EXECUTE, _QUERY = ord("E"), ord("Q")


class Statements:
    """Counts what passes a relay from its making on (protocol 3.0: `Execute` and `Query` messages of the client)."""

    def __init__(self, relay: Relay) -> None:
        self.count = 0
        relay.overhear = lambda: _Ear(self).hear


class _Ear:
    """One connection."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._rest = b""
        self._has_begun = False

    def hear(self, data: bytes) -> None:
        self._rest += data
        while True:
            # The start-up message has no type in front of its length, nor what may precede it: a question for TLS.
            type_bytes = 1 if self._has_begun else 0
            if len(self._rest) < type_bytes + _LENGTH_BYTES:
                return
            size = type_bytes + int.from_bytes(self._rest[type_bytes : type_bytes + _LENGTH_BYTES])
            if len(self._rest) < size:
                return
            if self._has_begun and self._rest[0] in (_EXECUTE, _QUERY):
                self._statements.count += 1
            self._rest = self._rest[size:]
            self._has_begun = self._has_begun or size > _SSL_REQUEST_BYTES
