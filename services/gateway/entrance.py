"""From a credential to a caller with a place in the lobby, and what he is told first."""

from collections.abc import Callable
from datetime import UTC, datetime

from causerie import telemetry
from causerie.actions.directory import Directory
from causerie.actions.platform import Platform
from causerie.cache import tickets
from causerie.domain.caller import Caller
from causerie.domain.errors import Unauthenticated
from causerie.domain.ids import NodeId
from causerie.domain.times import rfc3339
from causerie.protocol import native
from causerie.protocol.websocket import text_frame
from causerie.tokens import TokenVerifier
from services.gateway.admission import TicketText, Token
from services.gateway.lobby import Guest, Lobby
from services.gateway.session import Rules
from services.gateway.together import UnreadTotals

Result = dict[str, object]


class Entrance:
    """Knows tokens and tickets. `now` is a steady clock, `unix_now` that of tokens; `known` hears who came in."""

    def __init__(
        self,
        platform: Platform,
        verifier: TokenVerifier,
        directory: Directory,
        lobby: Lobby,
        rules: Rules,
        node_id: NodeId,
        *,
        known: Callable[[Guest], None],
        now: Callable[[], float],
        unix_now: Callable[[], float],
    ) -> None:
        self._platform = platform
        self._unread = UnreadTotals(platform.store)
        self._verifier = verifier
        self._directory = directory
        self._lobby = lobby
        self._rules = rules
        self._node_id = node_id
        self._known = known
        self._now = now
        self._unix_now = unix_now

    async def enter(self, guest: Guest, credential: Token | TicketText) -> Result:
        """Find out who it is, give him his place and welcome him; or end the connection if there is no place.

        Raises:
            Unauthenticated: nobody we know.
            CacheAway: tickets cannot be looked up now.
        """
        began = self._now()
        caller = await self._caller_of(credential)
        unread_total = await self._unread.of(caller.user)
        if guest.is_over:
            return {}
        if (refusal := self._lobby.admit(guest, caller)) is not None:
            guest.end(refusal)
            return {}
        self._known(guest)
        telemetry.HANDSHAKES.add("accepted")
        guest.session.admit(caller, now=self._now(), unix_now=self._unix_now())
        session_id = f"{self._node_id}.{guest.session.number}"
        welcome = native.encode_welcome(
            session_id=session_id,
            user_id=caller.user,
            heartbeat_seconds=self._rules.heartbeat_seconds,
            unread_total=unread_total,
        )
        guest.deliver(text_frame(welcome))
        telemetry.ENTRY_SECONDS.record(self._now() - began)
        return {"session_id": session_id, "user_id": caller.user}

    async def renew(self, guest: Guest, token: Token) -> Result:
        """Let a session go on with a newer token; one of somebody else ends it.

        Raises:
            Unauthenticated: nobody we know; the session goes on until its own token ends.
        """
        caller = await self._caller_of(token)
        if not guest.is_over:
            end = guest.session.renew(caller, now=self._now(), unix_now=self._unix_now())
            if end is not None:
                guest.end(end)
        return {"expires_at": rfc3339(datetime.fromtimestamp(caller.expires_at, UTC))}

    async def _caller_of(self, credential: Token | TicketText) -> Caller:
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
