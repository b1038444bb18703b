"""From a credential to a caller, and what he is told first."""

from causerie.actions.directory import Directory
from causerie.actions.platform import Platform
from causerie.cache import tickets
from causerie.domain.caller import Caller
from causerie.domain.errors import Unauthenticated, Unavailable
from causerie.store import horizons
from causerie.tokens import TokenVerifier
from services.gateway.admission import TicketText, Token


class Entrance:
    """Knows tokens and tickets."""

    def __init__(self, verifier: TokenVerifier, directory: Directory, platform: Platform) -> None:
        self._verifier = verifier
        self._directory = directory
        self._platform = platform

    async def caller_of(self, credential: Token | TicketText) -> Caller:
        """Find out who it is.

        Raises:
            Unauthenticated: nobody we know.
            CacheAway: tickets cannot be looked up now.
        """
        if isinstance(credential, Token):
            caller = await self._verifier.verify_waiting(credential.text)
        else:
            bought = await tickets.redeem(self._platform.cache, credential.text)
            if bought is None:
                raise Unauthenticated("The ticket is not valid, or not any more.")
            caller = bought
        if caller.display_name or caller.email or caller.kind:
            self._directory.meet(caller)
        return caller

    async def unread_total(self, caller: Caller) -> int | None:
        """None while PostgreSQL is away: a socket may open without it."""
        try:
            return await horizons.unread_total(self._platform.store, caller.user)
        except Unavailable:
            return None
