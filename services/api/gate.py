"""Who asks, and whether he asks too much."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from causerie.actions.directory import Directory
from causerie.cache import Cache, CacheAway, rates
from causerie.cache.rates import Bucket, Verdict
from causerie.domain.caller import Caller
from causerie.domain.errors import RateLimited, Unauthenticated
from causerie.tokens import TokenVerifier
from services.api.exchange import Exchange
from services.api.origins import Origins

Headers = Mapping[bytes, bytes]


class Gate:
    """Every request of a user passes here, before its body is read."""

    def __init__(
        self, verifier: TokenVerifier, cache: Cache, directory: Directory, origins: Origins, *, cookie: str | None
    ) -> None:
        self._verifier = verifier
        self._cache = cache
        self._directory = directory
        self._origins = origins
        self._cookie = cookie

    async def admit(self, headers: Headers, bucket: Bucket, exchange: Exchange) -> Caller:
        """Let one request in, and note in `exchange` how many more there may be.

        Raises:
            Unauthenticated: no token, or none that is valid.
            RateLimited: with the time after which one more is let in.
        """
        caller = await self._verifier.verify_waiting(self._token(headers))
        self._directory.meet(caller)
        exchange.verdict = verdict = await self._take(bucket, caller)
        if not verdict.allowed:
            raise RateLimited(retry_after_seconds=verdict.retry_after_seconds)
        return caller

    async def _take(self, bucket: Bucket, caller: Caller) -> Verdict:
        try:
            return await rates.take(self._cache, bucket, caller.user)
        except CacheAway:
            # A limit is courtesy to the others, not authorization: without its counter everybody passes.
            return Verdict.unknown(bucket)

    def _token(self, headers: Headers) -> str:
        given = headers.get(b"authorization")
        if given is not None:
            scheme, _, token = given.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("The header Authorization must be: Bearer <token>.")
            return token.strip()
        if self._cookie is not None and b"cookie" in headers and self._is_own_page(headers):
            morsel = _cookies(headers[b"cookie"]).get(self._cookie)
            if morsel is not None:
                return str(morsel.value)
        raise Unauthenticated

    def _is_own_page(self, headers: Headers) -> bool:
        """Whether a page that may use its visitor's cookie asks. Without an Origin, as on the GETs of our own
        pages, only the browser's own word counts, which no page can forge."""
        origin = headers.get(b"origin")
        if origin is None:
            return headers.get(b"sec-fetch-site") == b"same-origin"
        return self._origins.trust(origin.decode("latin-1"), headers.get(b"host", b"").decode("latin-1"))


def _cookies(header: bytes) -> SimpleCookie:
    try:
        return SimpleCookie(header.decode("latin-1"))
    except CookieError:
        return SimpleCookie()
