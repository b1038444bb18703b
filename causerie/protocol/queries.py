"""What the queries of requests must look like: which part of which list is asked for.

As in `requests.py`, everything wrong is told at once; a parameter nobody knows is passed over, for links
carry what trackers and proxies add.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from causerie.domain.conversation import ConversationType
from causerie.domain.limits import DEFAULT_PAGE, MAX_PAGE, MAX_SEQ
from causerie.protocol import fields
from causerie.protocol.fields import Fields

MAX_OFFSET = 10_000
MAX_EPOCH_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list."""

    limit: int
    cursor: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class MineFilter:
    """Which of my conversations; `member=False` asks for the channels I could join."""

    type: ConversationType | None
    archived: bool | None
    context_type: str | None
    context_id: str | None
    member: bool


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A page of messages; at most one of the anchors and the cursor is set."""

    before_seq: int | None
    after_seq: int | None
    around_seq: int | None
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class EventsQuery:
    after_seq: int
    epoch: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class SyncQuery:
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class SinceQuery:
    timestamp: datetime
    page: Page


def page(params: Mapping[str, str], *, default: int = DEFAULT_PAGE) -> Page:
    """Read which part of a list is asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = _page(given, default)
    given.finish()
    return asked


def mine(params: Mapping[str, str]) -> tuple[MineFilter, Page]:
    """Read which of my conversations are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    filters = MineFilter(
        type=given.take("type", fields.choice(ConversationType)),
        archived=given.take("archived", fields.flag),
        context_type=given.take("context_type", fields.context_part),
        context_id=given.take("context_id", fields.context_part),
        member=given.take("member", fields.flag, True),
    )
    if not filters.member and filters.type is not ConversationType.CHANNEL:
        given.refuse("member", "false is only for type=channel")
    asked = _page(given, DEFAULT_PAGE)
    given.finish()
    return filters, asked


def history(params: Mapping[str, str]) -> HistoryQuery:
    """Read which messages are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    anchors = ("before_seq", "after_seq", "around_seq", "cursor")
    if sum(map(given.has, anchors)) > 1:
        given.refuse("cursor", "give at most one of " + ", ".join(anchors))
    seq = fields.number(0, MAX_SEQ)
    asked = HistoryQuery(
        before_seq=given.take("before_seq", seq),
        after_seq=given.take("after_seq", seq),
        around_seq=given.take("around_seq", seq),
        cursor=given.take("cursor", fields.cursor),
        limit=given.take("limit", fields.number(1, MAX_PAGE), DEFAULT_PAGE),
    )
    given.finish()
    return asked


def events(params: Mapping[str, str]) -> EventsQuery:
    """Read from where the log of a conversation is asked for; without `after_seq` from its beginning.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = EventsQuery(
        after_seq=given.take("after_seq", fields.number(0, MAX_SEQ), 0),
        epoch=given.take("epoch", fields.opaque(MAX_EPOCH_CHARACTERS)),
        limit=given.take("limit", fields.number(1, MAX_PAGE), MAX_PAGE),
    )
    given.finish()
    return asked


def sync(params: Mapping[str, str]) -> SyncQuery:
    """Read from where everything missed is asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = SyncQuery(
        cursor=given.take("cursor", fields.cursor),
        limit=given.take("limit", fields.number(1, MAX_PAGE), MAX_PAGE),
    )
    given.finish()
    return asked


def since(params: Mapping[str, str]) -> SinceQuery:
    """Read from when messages are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = SinceQuery(timestamp=given.require("timestamp", fields.moment), page=_page(given, DEFAULT_PAGE))
    given.finish()
    return asked


def _page(given: Fields, default: int) -> Page:
    if given.has("cursor") and given.has("offset"):
        given.refuse("offset", "give either cursor or offset")
    return Page(
        limit=given.take("limit", fields.number(1, MAX_PAGE), default),
        cursor=given.take("cursor", fields.cursor),
        offset=given.take("offset", fields.number(0, MAX_OFFSET), 0),
    )
