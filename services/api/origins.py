"""Which web pages may talk to us, and what CORS tells their browsers."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from services.api.answers import Header

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"Authorization, Content-Type, Idempotency-Key, X-Request-ID"
_ANSWER_HEADERS = (
    b"X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Cache, "
    b"Idempotent-Replayed"
)
_PREFLIGHT_SECONDS = b"600"


class Origins:
    """The pages an operator named; without any, those of our own host. `*` names every page.

    A cookie is sent by the browser whoever asks, so it counts only for a page that was named one by one or
    is our own; `*` gives no page the rights of a visitor's cookie.
    """

    def __init__(self, allowed: Sequence[str], *, with_cookies: bool) -> None:
        self._named = frozenset(origin.rstrip("/").lower() for origin in allowed if origin != "*")
        self._all = "*" in allowed
        self._with_cookies = with_cookies

    def allow(self, origin: str, host: str) -> bool:
        return self._all or self.trust(origin, host)

    def trust(self, origin: str, host: str) -> bool:
        """Whether a cookie sent by this page counts."""
        return origin.lower() in self._named or _host_of(origin) == host.lower() != ""

    def headers(self, origin: str, host: str) -> list[Header]:
        """What an answer says to a page; nothing but `Vary` means that its browser keeps the answer from it."""
        if not self.allow(origin, host):
            return [(b"vary", b"Origin")]
        headers = [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _ANSWER_HEADERS),
        ]
        if self._with_cookies and self.trust(origin, host):
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def preflight(self) -> list[Header]:
        """What a page that may talk to us is told before it does."""
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
