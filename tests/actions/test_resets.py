"""A reader who cannot go on from where he stands is told to begin anew, and never given a part for the whole."""

import pytest

from causerie.actions.platform import Platform
from causerie.store import sync as syncing
from causerie.store.sync import sync
from tests.actions.conftest import ANN, BEN, a_conversation, said


async def test_who_was_away_for_too_long_is_told_to_fetch_the_history(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "MAX_BACKLOG", 3)
    short, long = await a_conversation(platform, BEN), await a_conversation(platform, BEN)
    cursor = str((await sync(platform.store, BEN.user, None))["next_cursor"])
    for group, many in ((short, 3), (long, 4)):
        for _ in range(many):
            await said(platform, group, ANN)

    page = await sync(platform.store, BEN.user, cursor)

    assert {event["conversation_id"] for event in page["events"]} == {str(short)}
    assert [(reset["conversation_id"], reset["seq"], reset["reason"]) for reset in page["resets"]] == [
        (str(long), 5, "too_far_behind")
    ]
