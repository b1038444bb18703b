"""One WebSocket: bytes to the session, what the session wants to bytes.

The shell around `Session`: it decides nothing.  There is one of these per socket, so it keeps no task, timer or lock,
and makes what is only needed now and then when it is needed.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from causerie import telemetry
from causerie.domain.errors import CauserieError, Overloaded, Unauthenticated, Unavailable
from causerie.domain.ids import ConversationId
from causerie.domain.message import Posted
from causerie.protocol import native, websocket
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.commands import Command, Send
from causerie.protocol.native import Request, RequestId
from services.gateway.admission import Credential, TicketText, Token
from services.gateway.hall import Hall
from services.gateway.holding import Outlet
from services.gateway.ops import shown
from services.gateway.pipeline import Job, Pipeline
from services.gateway.session import End, Enter, Perform, Ping, Refuse, Renew, Session
from services.gateway.wheel import NOWHERE

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 5.0
"""How long a client may take to answer our close."""
Work = Callable[[], Coroutine[Any, Any, dict[str, object]]]
_FOREVER = float("inf")
_PING_FRAME = websocket.ping_frame()


class Connection(Outlet):
    """From the 101 to the end of the TCP connection."""

    __slots__ = ("_aborts_at", "_hall", "_pipeline", "_receiver", "_session", "seat", "slot")

    _transport: asyncio.Transport

    def __init__(self, hall: Hall, transport: asyncio.Transport, session: Session) -> None:
        super().__init__(transport, hall.outbox)
        self.slot = NOWHERE
        self.seat = 0
        """The counter of the seats that must have settled before this client may trust an answer to `sync`."""
        self._hall = hall
        self._session = session
        self._receiver = websocket.Receiver()
        self._pipeline: Pipeline | None = None
        self._aborts_at: float | None = None

    @property
    def session(self) -> Session:
        return self._session

    @property
    def is_resumable(self) -> bool:
        """Whoever is sent elsewhere now loses but a moment: let in, caught up, and waiting for no answer."""
        is_busy = self._pipeline is not None or self._later is not None or self.stuck_since is not None
        return not self.is_over and not is_busy and self._session.caller is not None

    # ── called by the loop and the wheel ────────────────────────────────────────────────────────────────────────

    def begin(self, credential: Credential) -> None:
        self._schedule()
        if credential is not None:
            # What the client sends meanwhile waits behind it.
            self._push(Job(partial(self._start, None, partial(self._enter, credential, None)), together=False))

    def data_received(self, data: bytes) -> None:
        for incoming in self._receiver.receive(data):
            match incoming:
                case websocket.Close(code, _):
                    return self._echo_close(code)
                case websocket.Violation(code, reason):
                    return self._fail(End(code, reason))
            if self.is_over:
                continue  # We have said goodbye and wait for the answer.
            if (end := self._session.hear(now=self._hall.now())) is not None:
                return self.end(end)
            match incoming:
                case websocket.Text(text):
                    self._read(text)
                case websocket.Ping(payload):
                    self.put(websocket.pong_frame(payload))
                case websocket.Binary():
                    return self.end(End(CloseCode.UNSUPPORTED_DATA))
        return None

    def pause_writing(self) -> None:
        self.pause(now=self._hall.now())
        self._schedule()

    def resume_writing(self) -> None:
        self.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_over:
            telemetry.CLOSES.add("lost")
            self._leave()
        self.drop()
        self._hall.wheel.remove(self)
        self._hall.forget(self)

    def tick(self, now: float) -> float:
        if self._aborts_at is not None:
            if now >= self._aborts_at:
                self._transport.abort()
                return _FOREVER
            return self._aborts_at
        stuck_since = self.stuck_since
        if stuck_since is not None and now >= stuck_since + self._hall.rules.patience_seconds:
            self.end(End(CloseCode.SLOW))
        else:
            match self._session.tick(now=now):
                case Ping():
                    self.put(_PING_FRAME)
                case End() as end:
                    self.end(end)
        return self._due

    # ── called by the fan-out ───────────────────────────────────────────────────────────────────────────────────

    def lose_channel(self, channel: ConversationId) -> None:
        """The user has left the channel, on whatever device."""
        if self._session.unfollow(channel):
            self._hall.lobby.unfollow(channel, self)

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────

    def end(self, end: End) -> None:
        """Say why, close, and let the client answer."""
        if self.is_over:
            return
        farewell = native.encode_disconnect(end.code, reason=end.reason, retry_after_seconds=end.retry_after_seconds)
        close = websocket.close_frame(end.code, end.reason or end.code.reason)
        telemetry.CLOSES.add(end.counted_as)
        self._leave()
        self.finish(websocket.text_frame(farewell) + close)
        self._aborts_at = self._hall.now() + FAREWELL_SECONDS
        self._schedule()

    def _echo_close(self, code: int | None) -> None:
        if not self.is_over:
            telemetry.CLOSES.add("client")
            self._leave()
            self.finish(websocket.close_frame(code))
        self._aborts_at = self._hall.now() + FAREWELL_SECONDS
        self._schedule()
        self._transport.close()

    def _fail(self, end: End) -> None:
        """Nothing of this client can be read any more, not even the answer to our close: let him see the end."""
        self.end(end)
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _leave(self) -> None:
        if self._pipeline is not None:
            self._pipeline.drop()
        self._drop_held()
        if self._session.caller is not None:
            self._hall.lobby.leave(self, self._session.caller.user, now=self._hall.now())

    @property
    def _due(self) -> float:
        if self._aborts_at is not None:
            return self._aborts_at
        stuck_since = self.stuck_since
        if stuck_since is None:
            return self._session.due
        return min(self._session.due, stuck_since + self._hall.rules.patience_seconds)

    def _schedule(self) -> None:
        # One that is gone must not come back to the wheel when work of his ends late.
        if not self.is_over or self._aborts_at is not None:
            self._hall.wheel.place(self, self._due)

    # ── what the client asks ────────────────────────────────────────────────────────────────────────────────────

    def _read(self, text: str) -> None:
        asked = native.parse_request(text)
        if isinstance(asked, Request):
            if not self._push(Job(partial(self._begin, asked), together=isinstance(asked.command, Send))):
                self._refuse(asked.id, Overloaded())
            return
        self._refuse(asked.id, asked.error)
        if asked.unreadable and (end := self._session.hear_nonsense(now=self._hall.now())) is not None:
            self.end(end)

    def _push(self, job: Job) -> bool:
        if self._pipeline is None:
            self._pipeline = Pipeline(self._drop_pipeline)
        return self._pipeline.push(job)

    def _drop_pipeline(self) -> None:
        self._pipeline = None

    def _begin(self, asked: Request) -> "asyncio.Future[Any] | None":
        """Begin one request in its turn; what is returned is done when its effect is there."""
        match self._session.ask(asked.command):
            case Refuse(error):
                self._refuse(asked.id, error)
            case Enter(token):
                return self._start(asked.id, partial(self._enter, Token(token), asked))
            case Renew(token):
                return self._start(asked.id, partial(self._renew, Token(token)))
            case Perform(command):
                return self._perform(asked.id, command)
        return None

    async def _enter(self, credential: Token | TicketText, asked: Request | None) -> dict[str, object]:
        """Let him in; who cannot be is told so and sent away, in the same words whichever way he came."""
        try:
            entered = await self._hall.entrance.enter(self, credential)
            self._schedule()
            return entered
        except Unauthenticated as error:
            telemetry.HANDSHAKES.add("unauthenticated")
            if asked is not None:
                self._refuse(asked.id, error)
            self.end(End(CloseCode.UNAUTHENTICATED))
        except Unavailable as error:
            self.end(End(CloseCode.OVERLOAD, retry_after_seconds=error.retry_after_seconds))
        return {}

    async def _renew(self, token: Token) -> dict[str, object]:
        renewed = await self._hall.entrance.renew(self, token)
        self._schedule()
        return renewed

    def _perform(self, request_id: RequestId, command: Command) -> "asyncio.Future[Any] | None":
        caller = self._session.caller
        assert caller is not None
        ops = self._hall.ops
        try:
            ops.allow(caller, command)
        except CauserieError as error:
            self._refuse(request_id, error)
            return None
        if not isinstance(command, Send):
            return self._start(request_id, partial(ops.perform, self, caller, command), type(command))
        posting = ops.post(caller, command)
        posting.add_done_callback(partial(self._finished, request_id, Send, self._hall.now()))
        return posting

    def _start(self, request_id: RequestId, work: Work, op: type | None = None) -> "asyncio.Future[Any]":
        task = asyncio.ensure_future(work())
        task.add_done_callback(partial(self._finished, request_id, op, self._hall.now()))
        return task

    def _finished(self, request_id: RequestId, op: type | None, began: float, done: "asyncio.Future[Any]") -> None:
        """Answer for work that has ended, however it did; an `op` is timed."""
        if op is not None:
            telemetry.OP_SECONDS.record_of(op.__name__.lower(), self._hall.now() - began)
        if done.cancelled():
            return self._refuse(request_id, Unavailable("The server is stopping."))
        error = done.exception()
        if isinstance(error, CauserieError):
            self._refuse(request_id, error)
        elif error is not None:
            log.error("an op ended in a bug", exc_info=error)
            telemetry.ERRORS.add("internal")
            self._write(native.encode_bug(request_id))
        elif request_id is not None:
            result = done.result()
            self._write(native.encode_reply(request_id, shown(result) if isinstance(result, Posted) else result))
        return None

    # ── what we write ───────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, request_id: RequestId, error: CauserieError) -> None:
        telemetry.ERRORS.add(error.code)
        self._write(native.encode_refusal(request_id, error))

    def _write(self, payload: bytes) -> None:
        if not self.is_over:
            frame = websocket.text_frame(payload)
            telemetry.SENT_BYTES.value += len(frame)
            self.tell(frame)
