"""What PostgreSQL holds at the end, and whether history says the same from every API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from causerie.client import Client
from soak.evidence import Sighting

NEWEST = 50

_LOG = """
SELECT e.seq, e.kind, e.message_id, m.client_id FROM events e LEFT JOIN messages m ON m.id = e.message_id
WHERE e.conversation_id = $1 ORDER BY e.seq"""
_HEADS = "SELECT id, last_seq FROM conversations WHERE id = ANY($1::uuid[])"
_MARKS = "SELECT conversation_id, user_id, seq FROM read_horizons WHERE conversation_id = ANY($1::uuid[])"
_NEWEST = "SELECT id, content, version FROM messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT $2"


@dataclass(frozen=True)
class Truth:
    log: Mapping[str, Sequence[Sighting]]
    marks: Mapping[tuple[str, str], int]
    newest: Mapping[str, Sequence[tuple[str, str, int]]]
    """Of each conversation the newest messages: id, content, version."""


async def heads(database_url: str, conversations: Sequence[str]) -> dict[str, int]:
    """Where each log ends now."""
    connection = await asyncpg.connect(database_url)
    try:
        return {str(row["id"]): row["last_seq"] for row in await connection.fetch(_HEADS, _uuids(conversations))}
    finally:
        await connection.close()


async def fetch(database_url: str, conversations: Sequence[str]) -> Truth:
    """Everything the ledger compares with, read around the services."""
    connection = await asyncpg.connect(database_url)
    try:
        log, newest = {}, {}
        for conversation in conversations:
            log[conversation] = [_sighting(row) for row in await connection.fetch(_LOG, UUID(conversation))]
            rows = await connection.fetch(_NEWEST, UUID(conversation), NEWEST)
            newest[conversation] = [(str(row["id"]), row["content"], row["version"]) for row in rows]
        rows = await connection.fetch(_MARKS, _uuids(conversations))
        marks = {(row["user_id"], str(row["conversation_id"])): row["seq"] for row in rows}
    finally:
        await connection.close()
    return Truth(log, marks, newest)


async def stale_pages(reader: Client, conversation: str, apis: int, truth: Truth) -> list[str]:
    """Ask each API in turn for the newest page; what differs from PostgreSQL is stale."""
    stale = []
    for _ in range(apis):
        page = await reader.history(conversation, limit=NEWEST)
        shown = [(item["id"], item["content"], item["version"]) for item in page["items"]]
        if shown != truth.newest[conversation]:
            stale.append(f"the newest page of {conversation} as {reader.user} is shown it")
    return stale


def _sighting(row: Any) -> Sighting:
    if row["kind"] in ("message.new", "message.edit"):
        return Sighting(row["seq"], row["kind"], str(row["message_id"]), row["client_id"])
    return Sighting(row["seq"], row["kind"])


def _uuids(conversations: Sequence[str]) -> list[UUID]:
    return [UUID(conversation) for conversation in conversations]
