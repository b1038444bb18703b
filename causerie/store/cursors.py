"""Opaque cursors: where a reader goes on, sealed so that it is his and unaltered.

The seal is a keyed BLAKE2b over the payload, the reader and the list; the key is the database's own,
so every pod opens what another one sealed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b
from hmac import compare_digest

from causerie.domain.errors import InvalidCursor

_SEAL_BYTES = 12


def seal(key: bytes, scope: str, payload: bytes) -> str:
    """Make a cursor; `scope` names the reader and what he reads."""
    return urlsafe_b64encode(payload + _seal(key, scope, payload)).rstrip(b"=").decode()


def unseal(key: bytes, scope: str, cursor: str) -> bytes:
    """Read a cursor made with the same key and scope.

    Raises:
        InvalidCursor: garbage, or somebody else's, or of another list.
    """
    try:
        sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (Error, ValueError):
        raise InvalidCursor from None
    payload, given = sealed[:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
    if len(sealed) <= _SEAL_BYTES or not compare_digest(given, _seal(key, scope, payload)):
        raise InvalidCursor
    return payload


def _seal(key: bytes, scope: str, payload: bytes) -> bytes:
    return blake2b(payload + b"|" + scope.encode(), key=key, digest_size=_SEAL_BYTES).digest()
