"""What a transaction stands on when a pooler gives us a server's connection for that one transaction only.

Nothing we say outlives it there.  What a session is told once, each transaction says anew; statements are not kept
prepared; and since a pooler hides a promotion from those behind it, each transaction first proves that it runs in
the history we know.
"""

from collections.abc import Mapping

import asyncpg

from causerie.store.transaction import Connection

_THIS_HISTORY = (
    "system_identifier::text AS system, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline"
    " FROM pg_control_system()"
)
"""The name of the WAL file begins with the timeline in use now; the control file learns of a promotion late."""


class OtherHistory(Exception):
    """The database was promoted or restored behind the pooler."""


async def read_epoch(connection: Connection) -> str:
    """The epoch: the system identifier and the timeline, in hexadecimal."""
    row = await connection.fetchrow(f"SELECT {_THIS_HISTORY}")
    return f"{int(row['system']):x}-{int(row['timeline'], 16):x}"


class Footing:
    """Said at the beginning of a transaction: the settings, and a division by zero in any other history."""

    def __init__(self, settings: Mapping[str, str], epoch: str) -> None:
        system, timeline = (int(part, 16) for part in epoch.split("-"))
        said = [f"SET LOCAL {name} = '{value}'" for name, value in settings.items()]
        is_ours = f"system = '{system}' AND timeline = '{timeline:08X}'"
        said.append(f"SELECT 1 / ({is_ours})::int FROM (SELECT {_THIS_HISTORY}) AS history")
        self._said = "; ".join(said)

    async def take(self, connection: Connection) -> None:
        """Raises: OtherHistory."""
        try:
            await connection.execute(self._said)
        except asyncpg.DivisionByZeroError:
            raise OtherHistory from None
