"""What a transaction stands on when a pooler gives us a server's connection for that one transaction only.

Nothing we say outlives it there.  What a session is told once, each transaction says anew; statements are not kept
prepared; and since a pooler hides a promotion from those behind it, each transaction first proves that it runs in
the history we know.
"""

from collections.abc import Mapping

import asyncpg

from causerie.store.transaction import Connection

_THIS_HISTORY = """
SELECT format('%s-%s-%s', to_hex(system_identifier),
              to_hex((SELECT oid FROM pg_database WHERE datname = current_database())::bigint << 32
                     | coalesce(to_regclass('platform')::oid::bigint, 0)),
              ltrim(lower(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)), '0')) AS epoch
FROM pg_control_system()"""
"""System, database and table, timeline.

A copy of the files keeps the first two, and the timeline parts it from the original; what was restored from a dump,
even beside or in place of the original, has tables of its own.  The name of the WAL file begins with the timeline in
use now; the control file learns of a promotion late.
"""


class OtherHistory(Exception):
    """The database was promoted or restored behind the pooler."""


async def read_epoch(connection: Connection) -> str:
    """The epoch: what names this history of the database, in hexadecimal; it ends in the timeline."""
    epoch: str = await connection.fetchval(_THIS_HISTORY)
    return epoch


class Footing:
    """Said at the beginning of a transaction: the settings, and a division by zero in any other history."""

    def __init__(self, settings: Mapping[str, str], epoch: str) -> None:
        said = [f"SET LOCAL {name} = '{value}'" for name, value in settings.items()]
        said.append(f"SELECT 1 / (epoch = '{epoch}')::int FROM ({_THIS_HISTORY}) AS history")
        self._said = "; ".join(said)

    async def take(self, connection: Connection) -> None:
        """Raises: OtherHistory."""
        try:
            await connection.execute(self._said)
        except asyncpg.DivisionByZeroError:
            raise OtherHistory from None
