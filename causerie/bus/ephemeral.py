"""Frames that are a state plus a best effort: typing, read marks, presence.

They travel the way of events, through the owner of the shard, because it alone knows the members; but nothing numbers
them, and what is lost stays lost.
"""

from collections.abc import Iterable, Sequence

from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.bus.envelopes import Ephemeral, PresenceChange, PresenceChanges
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.limits import MAX_NARROWCAST_MEMBERS
from causerie.domain.shards import shard_of


def to_members(
    bus: Bus,
    conversation_id: ConversationId,
    kind: str,
    payload: bytes,
    *,
    except_user: UserId | None = None,
    max_members: int | None = MAX_NARROWCAST_MEMBERS,
) -> None:
    """Send a frame to the members of a conversation, but only if there are at most `max_members`."""
    frame = Ephemeral(conversation_id.bytes, kind, payload, None, except_user, max_members)
    bus.publish(subjects.shard(shard_of(conversation_id)), frame)


def to_users(bus: Bus, conversation_id: ConversationId, kind: str, payload: bytes, users: Iterable[UserId]) -> None:
    """Send a frame about a conversation to these users, wherever they sit, on all their devices."""
    frame = Ephemeral(conversation_id.bytes, kind, payload, list(users))
    bus.publish(subjects.shard(shard_of(conversation_id)), frame)


def presence(bus: Bus, changes: Sequence[PresenceChange]) -> None:
    """Tell every gateway who came, left or went away; each picks those somebody there watches."""
    if changes:
        bus.publish(subjects.PRESENCE, PresenceChanges(list(changes)))
