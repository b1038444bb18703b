"""Whoever sat on a node that died is offline for everybody, and somebody says so."""

import pytest

from causerie.bus import subjects
from causerie.bus.envelopes import Envelope, PresenceChange, PresenceChanges
from causerie.cache import presence
from causerie.domain.ids import NodeId, UserId
from tests.support.waiting import eventually
from tests.worker.people import Town


async def test_the_users_of_a_dead_node_are_announced_as_gone(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_SECONDS", 1)
    told: list[PresenceChange] = []

    def listen(envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, PresenceChanges):
            told.extend(envelope.changes)

    await town.bus.subscribe(subjects.PRESENCE, listen)
    await town.bus.settle()
    alive = await town.node("ben")
    dead = NodeId("gateway-dead")
    for node, user in ((dead, "ann"), (alive.node.id, "ben")):
        await presence.renew(town.cache, node, {})
        await presence.record(town.cache, node, {UserId(user): presence.Status.ONLINE})
        await presence.retire(town.cache, node)

    await town.worker()

    [change] = await eventually(lambda: told, timeout_seconds=20.0)
    assert (change.user, change.status) == ("ann", "offline")
    assert change.last_seen is not None
