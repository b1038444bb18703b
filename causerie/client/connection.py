"""One socket: handshake, requests with their replies, frames handed to whoever keeps the model."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from causerie.client.conversation import Json
from causerie.client.errors import ClientError, Disconnected, Refused, Unanswered

SUBPROTOCOL = "causerie.v1"
OPEN_TIMEOUT_SECONDS = 10.0
CLOSE_TIMEOUT_SECONDS = 2.0
REQUEST_TIMEOUT_SECONDS = 10.0
MAX_FRAME_BYTES = 2 * 1024 * 1024
MAX_PENDING = 1_000


class AuthWay(StrEnum):
    """How a socket says who it is (CONTRACT §4)."""

    HEADER = "header"
    SUBPROTOCOL = "subprotocol"
    TICKET = "ticket"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a connection ended: what the server's `disconnect` frame said, else the close code alone."""

    code: int
    reason: str
    reconnect: bool = True
    retry_after_seconds: float | None = None

    def error(self) -> Disconnected:
        return Disconnected(
            f"closed with {self.code} {self.reason}",
            code=self.code,
            reconnect=self.reconnect,
            retry_after_seconds=self.retry_after_seconds,
        )


class Connection:
    """An authenticated socket, from `open` to `ended`.

    Frames that answer no request go to `on_frame`, in order.  A server that says nothing for a
    heartbeat is asked `ping`; silent for another one, it is taken for dead.
    """

    def __init__(self, socket: ClientConnection, on_frame: Callable[[Json], None]) -> None:
        self._socket = socket
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._said: Json | None = None
        self._heard = self._loop.time()
        self._silence: asyncio.TimerHandle | None = None
        self._question: asyncio.Task[None] | None = None
        self._welcome: asyncio.Future[Json] = self._loop.create_future()
        self._ended: asyncio.Future[Farewell] = self._loop.create_future()
        self.welcome: Json = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        gateway: str,
        credential: str,
        *,
        way: AuthWay = AuthWay.HEADER,
        on_frame: Callable[[Json], None],
        origin: str | None = None,
    ) -> Self:
        """Connect to `ws://host:port` and wait for `welcome`. `credential` is a token, or a ticket for that way.

        Raises:
            Disconnected: refused or unreachable; it says whether and when coming back helps.
        """
        headers: dict[str, str] = {"Origin": origin} if origin else {}
        subprotocols = [Subprotocol(SUBPROTOCOL)]
        url = f"{gateway}/ws"
        match way:
            case AuthWay.HEADER:
                headers["Authorization"] = f"Bearer {credential}"
            case AuthWay.SUBPROTOCOL:
                subprotocols.append(Subprotocol(f"bearer.{credential}"))
            case AuthWay.TICKET:
                url += "?" + urlencode({"ticket": credential})
            case AuthWay.FRAME:
                pass
        try:
            socket = await connect(
                url,
                additional_headers=headers,
                subprotocols=subprotocols,
                compression=None,
                ping_interval=None,
                open_timeout=OPEN_TIMEOUT_SECONDS,
                close_timeout=CLOSE_TIMEOUT_SECONDS,
                max_size=MAX_FRAME_BYTES,
                user_agent_header=None,
                proxy=None,
            )
        except InvalidStatus as error:
            raise _refused_upgrade(error) from error
        except (OSError, TimeoutError, WebSocketException, EOFError) as error:
            # Of all its kinds: a connection that is reset before the first byte is none of a bad handshake.
            raise Disconnected(f"{gateway} cannot be reached: {error!r}") from error
        self = cls(socket, on_frame)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_SECONDS):
                if way is AuthWay.FRAME:
                    await self.request("auth", token=credential)
                self.welcome = await self._welcome
        except TimeoutError as error:
            await self.close()
            raise Disconnected(f"{gateway} did not say welcome in {OPEN_TIMEOUT_SECONDS} s") from error
        except BaseException:
            await self.close()
            raise
        self._watch_silence(float(self.welcome["heartbeat_seconds"]))
        return self

    @property
    def is_open(self) -> bool:
        return not self._ended.done()

    async def ended(self) -> Farewell:
        """Wait for the end of the connection, however it comes."""
        return await asyncio.shield(self._ended)

    async def request(self, op: str, *, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS, **arguments: Any) -> Any:
        """Send a request and return its `result`.

        Raises:
            Refused: the server answered with an error.
            Unanswered: no reply in time, or the connection ended first (`Disconnected`).
        """
        if self._ended.done():
            raise self._ended.result().error()
        if len(self._pending) >= MAX_PENDING:
            raise Refused("overloaded", "too many requests wait for a reply", retryable=True)
        self._last_id += 1
        request_id = self._last_id
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._pending[request_id] = reply
        asked_at = self._loop.time()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._socket.send(orjson.dumps({"id": request_id, "op": op, **arguments}), text=True)
                return await reply
        except ConnectionClosed as error:
            raise (await self.ended()).error() from error
        except TimeoutError as error:
            if self._heard < asked_at:
                self.abort()  # Not a word meanwhile: nobody is there, and heartbeats would take long to show it.
            raise Unanswered(f"{op} was not answered in {timeout_seconds} s") from error
        finally:
            self._pending.pop(request_id, None)
            if reply.done() and not reply.cancelled():
                reply.exception()  # The end of the connection may have told the sending and the reply.

    async def close(self) -> None:
        """Say goodbye and wait until the socket is gone."""
        await self._socket.close()
        await asyncio.wait([self._reader])

    def abort(self) -> None:
        """Cut the connection without a word, as a network does."""
        self._socket.transport.abort()

    async def _read(self) -> None:
        try:
            async for raw in self._socket:
                self._heard = self._loop.time()
                self._take(orjson.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            self._end()

    def _take(self, frame: Json) -> None:
        if "ok" in frame:
            reply = self._pending.get(frame["id"])
            if reply is None or reply.done():
                return
            if frame["ok"]:
                reply.set_result(frame.get("result"))
            else:
                reply.set_exception(_refusal(frame["error"]))
            return
        match frame["event"]:
            case "welcome":
                if not self._welcome.done():
                    self._welcome.set_result(frame["data"])
            case "disconnect":
                self._said = frame["data"]
            case _:
                self._on_frame(frame)

    def _end(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
        code = self._socket.close_code or 1006
        said = self._said or {}
        retry_after_ms = said.get("retry_after_ms")
        farewell = Farewell(
            code=said.get("code", code),
            reason=said.get("reason", self._socket.close_reason or ""),
            reconnect=said.get("reconnect", code not in (4001, 4003)),
            retry_after_seconds=None if retry_after_ms is None else retry_after_ms / 1000,
        )
        self._ended.set_result(farewell)
        if not self._welcome.done():
            self._welcome.set_exception(farewell.error())
            self._welcome.exception()  # Nobody may be waiting for it any more.
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(farewell.error())

    def _watch_silence(self, heartbeat_seconds: float) -> None:
        silent = self._loop.time() - self._heard
        if self._ended.done():
            return
        if silent >= 2 * heartbeat_seconds:
            self.abort()
            return
        if silent >= heartbeat_seconds / 2:
            self._question = asyncio.create_task(self._ping())
        self._silence = self._loop.call_later(heartbeat_seconds, self._watch_silence, heartbeat_seconds)

    async def _ping(self) -> None:
        try:
            await self.request("ping")
        except ClientError:
            pass  # Silence is judged by the watch, not by this one question.


def _refusal(error: Json) -> Refused:
    retry_after_ms = error.get("retry_after_ms")
    return Refused(
        error["code"],
        error["message"],
        retryable=error["retryable"],
        unknown=error["code"] in ("internal", "unavailable"),
        retry_after_seconds=None if retry_after_ms is None else retry_after_ms / 1000,
        details=error,
    )


def _refused_upgrade(error: InvalidStatus) -> Disconnected:
    status = error.response.status_code
    retry_after = error.response.headers.get("Retry-After", "")
    return Disconnected(
        f"the upgrade was refused with {status}",
        code=status,
        reconnect=status >= 500 or status == 429,
        retry_after_seconds=float(retry_after) if retry_after.isdigit() else None,
    )
