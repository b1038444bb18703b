"""Zulip's rule: a client's state kept up by events equals a fresh fetch, after any sequence of actions.

A story is some turns; the actions of one turn happen at once, through any pod.  What a user may not do is refused
and is part of the story.  At the end everybody comes back, and each model is held against what the API says.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from causerie.client import Client, Disconnected, Refused
from tests.journeys.fleet import Fleet, people
from tests.support.waiting import eventually

STORIES = int(os.environ.get("STORIES", "10"))
"""How many are told; with a number of one's own they are new ones each time."""
ALLOWED_REFUSALS = {"forbidden", "not_found", "conflict", "gone", "version_conflict", "invalid_request"}
NOWHERE = "00000000-0000-7000-8000-000000000000"
KINDS = ("direct", "group", "channel")
NAMES = ("ann", "ben", "cai")

ACTIONS = (
    "open", "join", "leave", "add", "remove", "promote", "nickname", "rename",
    "post", "post", "post", "post", "edit", "edit", "delete", "read", "read", "mark unread",
    "drop", "go away", "come back", "see what there is",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """Who does what; the numbers choose among what there is by then."""

    what: str
    who: int
    target: int
    choice: int
    by_rest: bool


an_action = st.builds(
    Action, st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 2), st.integers(0, 30), st.booleans()
)
openings = st.builds(Action, st.just("open"), st.integers(0, 2), st.integers(0, 2), st.integers(0, 30), st.booleans())
stories = st.tuples(
    st.lists(st.lists(openings, min_size=1, max_size=2), min_size=1, max_size=2),
    st.lists(st.lists(an_action, min_size=1, max_size=3), min_size=5, max_size=25),
)


class Story:
    """Three people, what they have opened, and what they have said."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients = clients
        self.names = [client.user for client in clients]
        self.conversations: list[str] = []
        self.messages: list[str] = []
        self.away: set[str] = set()

    async def act(self, action: Action) -> None:
        client, target = self.clients[action.who], self.names[action.target]
        doing = getattr(self, "_" + action.what.replace(" ", "_"), None)
        try:
            if doing is not None:
                await doing(client, target, action)
        except Refused as refusal:
            assert refusal.code in ALLOWED_REFUSALS, f"{action}: {refusal}"
        except Disconnected:
            pass  # His connection was dropped in this very turn.

    def _a_conversation(self, action: Action) -> str:
        return self.conversations[action.choice % len(self.conversations)] if self.conversations else NOWHERE

    async def _open(self, client: Client, target: str, action: Action) -> None:
        kind = KINDS[action.choice % 3]
        others = {"direct": [target], "group": [target], "channel": []}[kind]
        opened = await client.open(kind, others, name=None if kind == "direct" else f"room {action.choice}")
        if opened["id"] not in self.conversations:
            self.conversations.append(opened["id"])
        await self._follow(client, opened)

    async def _join(self, client: Client, target: str, action: Action) -> None:
        conversation = self._a_conversation(action)
        await client.rest.join(conversation)
        await self._follow(client, await client.rest.view(conversation))

    async def _leave(self, client: Client, target: str, action: Action) -> None:
        await client.rest.leave(self._a_conversation(action))

    async def _add(self, client: Client, target: str, action: Action) -> None:
        conversation = self._a_conversation(action)
        await client.rest.add_member(conversation, target)
        added = self.clients[self.names.index(target)]
        await self._follow(added, await added.rest.view(conversation))

    async def _remove(self, client: Client, target: str, action: Action) -> None:
        await client.rest.remove_member(self._a_conversation(action), target)

    async def _promote(self, client: Client, target: str, action: Action) -> None:
        role = ("admin", "member", "owner")[action.choice % 3]
        await client.rest.change_member(self._a_conversation(action), target, role=role)

    async def _nickname(self, client: Client, target: str, action: Action) -> None:
        await client.rest.change_member(self._a_conversation(action), target, nickname=f"nick {action.choice}")

    async def _rename(self, client: Client, target: str, action: Action) -> None:
        await client.rest.change(self._a_conversation(action), name=f"renamed {action.choice}")

    async def _post(self, client: Client, target: str, action: Action) -> None:
        by_rest = action.by_rest or client.user in self.away
        sent = await client.send(self._a_conversation(action), f"text {action.choice}", by_rest=by_rest)
        self.messages.append(sent["id"])

    async def _edit(self, client: Client, target: str, action: Action) -> None:
        if self.messages:
            message = self.messages[-1 - action.choice % len(self.messages)]
            edit = client.rest.edit if action.by_rest or client.user in self.away else client.edit
            await edit(message, f"edited {action.choice}")

    async def _delete(self, client: Client, target: str, action: Action) -> None:
        if self.messages:
            await client.rest.delete(self.messages[-1 - action.choice % len(self.messages)])

    async def _read(self, client: Client, target: str, action: Action) -> None:
        read = client.rest.read if action.by_rest or client.user in self.away else client.read
        await read(self._a_conversation(action), action.choice)

    async def _mark_unread(self, client: Client, target: str, action: Action) -> None:
        await client.rest.mark_unread(self._a_conversation(action))

    async def _drop(self, client: Client, target: str, action: Action) -> None:
        if client.connection is not None:
            client.connection.abort()

    async def _go_away(self, client: Client, target: str, action: Action) -> None:
        if client.user not in self.away:
            self.away.add(client.user)
            await client.disconnect()

    async def _come_back(self, client: Client, target: str, action: Action) -> None:
        if client.user in self.away:
            self.away.discard(client.user)
            client.start()

    async def _see_what_there_is(self, client: Client, target: str, action: Action) -> None:
        if client.user not in self.away:
            await client.settled()

    async def _follow(self, client: Client, view: dict[str, Any]) -> None:
        if view["type"] == "channel" and client.user not in self.away:
            await client.subscribe(view["id"])


async def fetched(fleet: Fleet, client: Client) -> dict[str, Any]:
    """What a user who has just come sees: everything, by the API alone."""
    async with fleet.client(client.user) as fresh:
        return {
            view["id"]: fresh.model.conversations[view["id"]].snapshot()
            | {"counted": view["unread_count"], "last_message": (view["last_message"] or {}).get("id")}
            for view in await fresh.rest.conversations()
        }


def kept(client: Client) -> dict[str, Any]:
    """The same, as events have kept it."""
    return {
        conversation.id: conversation.snapshot()
        | {"counted": conversation.unread, "last_message": next(reversed(conversation.messages), None)}
        for conversation in client.model.conversations.values()
    }


async def tell(fleet: Fleet, turns: list[list[Action]]) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(fleet.client(name, gateway=place % 2, api=place % 2))
            for place, name in enumerate(people(*NAMES))
        ]
        story = Story(clients)
        for turn in turns:
            await asyncio.gather(*(story.act(action) for action in turn))
        for client in clients:
            await story._come_back(client, "", turns[0][0])
        for client in clients:
            await client.settled()
            await eventually(partial(the_same, fleet, client), timeout_seconds=8.0)


async def the_same(fleet: Fleet, client: Client) -> bool:
    there = await fetched(fleet, client)
    here = kept(client)
    assert here == there
    return True


def test_a_state_kept_up_by_events_equals_a_fresh_fetch(whole_fleet: Fleet):
    asyncio.run(whole_fleet.revive())

    @settings(
        max_examples=STORIES,
        deadline=None,
        derandomize="STORIES" not in os.environ,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(stories)
    def holds(story: tuple[list[list[Action]], list[list[Action]]]) -> None:
        openings, turns = story
        asyncio.run(tell(whole_fleet, [*openings, *turns]))

    holds()
