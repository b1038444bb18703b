"""The witness itself: it counts each frame to the connection that brought it, whatever comes with the welcome."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from causerie.client import Client
from soak import witness
from soak.witness import Witness
from tests.support.waiting import eventually

GROUP = "0190a5b0-0000-7000-8000-000000000001"
NOBODY = "http://127.0.0.1:9"
"""No API: what is missing comes by the next sync or not at all."""
Frame = dict[str, Any]


TYPING = 0
"""In the place of a seq: a frame of the same conversation that is no event of it."""


def a_frame(seq: int) -> Frame:
    if seq == TYPING:
        return {"event": "typing.start", "conversation_id": GROUP, "data": {"user_id": "ann"}}
    opening = {"members": [], "conversation": {}}
    kind, data = ("member.add", opening) if seq == 1 else ("group.sang", {})
    return {"event": kind, "conversation_id": GROUP, "seq": seq, "epoch": "5e7-1", "data": data}


class Gateway:
    """Plays one script per connection: what comes with the welcome, what `sync` answers, and what follows that."""

    def __init__(self, *scripts: tuple[Sequence[int], Sequence[int], Sequence[int]]) -> None:
        self._scripts = list(scripts)
        self.cue = asyncio.Semaphore(0)
        """The script waits for one after `sync`, and for another at its end."""

    async def meet(self, socket: ServerConnection) -> None:
        with_welcome, missed, live = self._scripts.pop(0)
        await self._say(socket, {"event": "welcome", "data": {"heartbeat_seconds": 60.0}})
        await self._push(socket, with_welcome)
        asked = json.loads(await socket.recv())
        page = {"events": [*map(a_frame, missed)], "reads": [], "resets": [], "next_cursor": "c", "has_more": False}
        await self._say(socket, {"id": asked["id"], "ok": True, "result": page})
        await self.cue.acquire()
        await self._push(socket, live)
        await self.cue.acquire()

    async def _push(self, socket: ServerConnection, seqs: Sequence[int]) -> None:
        for seq in seqs:
            await self._say(socket, a_frame(seq))

    async def _say(self, socket: ServerConnection, frame: Frame) -> None:
        await socket.send(json.dumps(frame))


async def watched(gateway: Gateway) -> Witness:
    """What the witness of a client saw who jumped on one connection, was cut off, and got the rest on the next."""
    seen = Witness({})
    async with serve(gateway.meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = Client(
            "ben",
            "a token",
            gateways=[f"ws://127.0.0.1:{port}"],
            apis=[NOBODY],
            bodies=False,
            on_event=seen.on_event,
            on_frame=seen.on_frame,
        )
        seen.watch(client)
        client.start()
        try:
            await client.settled()
            gateway.cue.release()
            await eventually(lambda: seen.overtaken)
            gateway.cue.release()
            await eventually(lambda: len(seen.seen.get(GROUP, [])) == 10)
        finally:
            await client.stop()
            gateway.cue.release()
            gateway.cue.release()
    return seen


async def test_who_jumped_and_was_cut_off_then_broke_no_promise_whatever_comes_with_the_next_welcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(witness, "PATIENCE_SECONDS", 0.0)

    seen = await watched(Gateway(((), (), (1, 2, 9)), ((10,), range(1, 10), ())))

    assert len(seen.overtaken) == 1
    assert seen.skipped == []


async def test_who_jumped_and_went_on_was_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "PATIENCE_SECONDS", 0.0)

    seen = await watched(Gateway(((), (), (1, 2, 9, TYPING, 10)), ((), range(1, 11), ())))

    assert len(seen.skipped) == 1
