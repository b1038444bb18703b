"""What a session may ask for, carried out: one method for each command, in one table.

Writes are actions, shared with the API; reads come from the store and the cache as the API's do.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from causerie import telemetry
from causerie.actions import history, messages, presence, reading, typing
from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType
from causerie.domain.errors import Forbidden, UnknownOp
from causerie.domain.message import Posted
from causerie.protocol import commands
from services.gateway.allowance import Allowance
from services.gateway.catchup import CatchUp
from services.gateway.lobby import Guest, Lobby
from services.gateway.together import Accesses

MAX_RESULT_BYTES = 1024 * 1024 - 4096
"""What fits into a frame of 1 MiB, envelope and all."""

Result = dict[str, object]


class Ops:
    """The commands of admitted callers."""

    def __init__(
        self,
        platform: Platform,
        lobby: Lobby,
        catch_up: CatchUp,
        accesses: Accesses,
        *,
        requests: Allowance,
        sends: Allowance,
    ) -> None:
        self._platform = platform
        self._lobby = lobby
        self._catch_up = catch_up
        self._accesses = accesses
        self._requests = requests
        self._sends = sends
        self._handlers: dict[type[Any], Callable[[Guest, Caller, Any], Awaitable[Result]]] = {
            commands.Edit: self._edit,
            commands.Delete: self._delete,
            commands.Read: self._read,
            commands.MarkUnread: self._mark_unread,
            commands.Typing: self._typing,
            commands.Presence: self._presence,
            commands.Watch: self._watch,
            commands.Unwatch: self._unwatch,
            commands.Subscribe: self._subscribe,
            commands.Unsubscribe: self._unsubscribe,
            commands.History: self._history,
            commands.Sync: self._sync,
            commands.Ping: self._ping,
        }

    def allow(self, caller: Caller, command: commands.Command) -> None:
        """Count one request of this user.

        Raises:
            RateLimited: one too many.
        """
        self._requests.take(caller.user)
        if isinstance(command, commands.Send):
            self._sends.take(caller.user)

    def post(self, caller: Caller, command: commands.Send) -> asyncio.Future[Posted]:
        """Send a message; its place in the order is taken when this returns."""
        with telemetry.entry("op send") as op:
            posting = messages.post(self._platform, command.draft(caller.user))
            if op is not None:
                op.annotate({"causerie.conversation": str(command.conversation_id)})
                op.hold_until(posting)
            return posting

    async def perform(self, guest: Guest, caller: Caller, command: commands.Command) -> Result:
        """Carry out anything but a `Send`.

        Raises:
            CauserieError: refused, as the action says.
        """
        handler = self._handlers.get(type(command))
        if handler is None:
            raise UnknownOp
        with telemetry.entry(f"op {type(command).__name__.lower()}"):
            return await handler(guest, caller, command)

    async def _edit(self, guest: Guest, caller: Caller, command: commands.Edit) -> Result:
        edited = await messages.edit(self._platform, caller, command.message_id, command.content, command.version)
        return history.as_seen(edited)

    async def _delete(self, guest: Guest, caller: Caller, command: commands.Delete) -> Result:
        await messages.delete(self._platform, caller, command.message_id)
        return {}

    async def _read(self, guest: Guest, caller: Caller, command: commands.Read) -> Result:
        if command.conversation_id is None:
            assert command.message_id is not None
            return await reading.mark_message_read(self._platform, caller, command.message_id)
        return await reading.mark_read(
            self._platform, caller, command.conversation_id, seq=command.seq, message_id=command.message_id
        )

    async def _mark_unread(self, guest: Guest, caller: Caller, command: commands.MarkUnread) -> Result:
        return await reading.mark_unread(self._platform, caller, command.conversation_id)

    async def _typing(self, guest: Guest, caller: Caller, command: commands.Typing) -> Result:
        await typing.set_typing(self._platform, caller, command.conversation_id, "start" if command.started else "stop")
        return {}

    async def _presence(self, guest: Guest, caller: Caller, command: commands.Presence) -> Result:
        if not guest.is_over:
            self._lobby.set_status(guest, caller.user, is_away=command.status is commands.OwnStatus.AWAY)
        return {"status": command.status.value}

    async def _watch(self, guest: Guest, caller: Caller, command: commands.Watch) -> Result:
        """First the place, then the question: a change in between comes as an event."""
        if not guest.is_over:
            for user in guest.session.watch(command.user_ids):
                self._lobby.registry.watch(user, guest)
        in_doubt = self._lobby.doubt_presence
        return {"items": await presence.check(self._platform, command.user_ids, on_away=in_doubt)}

    async def _unwatch(self, guest: Guest, caller: Caller, command: commands.Unwatch) -> Result:
        for user in guest.session.unwatch(command.user_ids):
            self._lobby.registry.unwatch(user, guest)
        return {}

    async def _subscribe(self, guest: Guest, caller: Caller, command: commands.Subscribe) -> Result:
        """Follow a channel; events of other conversations come unasked."""
        channel = command.conversation_id
        may = await self._accesses.of(caller.user, channel)
        if may.type is ConversationType.CHANNEL:
            if may.member is None:
                raise Forbidden("Join first.")
            if not guest.is_over and guest.session.follow(channel):
                self._lobby.follow(channel, guest)
        return await self._catch_up.begin_following(guest, caller, channel)

    async def _unsubscribe(self, guest: Guest, caller: Caller, command: commands.Unsubscribe) -> Result:
        if guest.session.unfollow(command.conversation_id):
            self._lobby.unfollow(command.conversation_id, guest)
        return {}

    async def _history(self, guest: Guest, caller: Caller, command: commands.History) -> Result:
        query = command.query
        limit = query.limit
        while True:
            page = await history.read_history(
                self._platform,
                caller.user,
                command.conversation_id,
                before_seq=query.before_seq,
                after_seq=query.after_seq,
                around_seq=query.around_seq,
                cursor=query.cursor,
                limit=limit,
            )
            # A hundred of the longest messages fit into no frame; a shorter page does, and its cursor goes on.
            if limit == 1 or len(orjson.dumps(page.messages)) <= MAX_RESULT_BYTES:
                return {"items": page.messages, "next_cursor": page.next_cursor}
            limit //= 2

    async def _sync(self, guest: Guest, caller: Caller, command: commands.Sync) -> Result:
        return await self._catch_up.sync(guest, caller, command)

    async def _ping(self, guest: Guest, caller: Caller, command: commands.Ping) -> Result:
        return {}


def shown(posted: Posted) -> Result:
    """A post as its author is answered."""
    message = history.as_answered(posted)
    if posted.replayed:
        message["replayed"] = True
    return message
