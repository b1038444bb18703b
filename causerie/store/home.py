"""Which PostgreSQL the positions of the log belong to.

A position is a transaction id, and those mean something to the server that gave them alone.  A dump that is restored
into another server, or a copy by logical replication, brings ids that lie in the future there: until that server has
counted as far, everything old would be told again and again, and nothing new would be healed.  So the platform keeps
the name of its home, and whoever finds himself elsewhere settles before anybody is served.  A promoted standby and a
restored copy of the files go on counting where the original was, and are at home.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

SETTLING = "positions of this PostgreSQL"
"""What `causerie migrate up` says it did, and a service that waits says is lacking."""

_KNOWS_HOME = """
SELECT EXISTS (SELECT FROM pg_attribute
               WHERE attrelid = to_regclass('platform') AND attname = 'home' AND NOT attisdropped)"""
_HERE = "SELECT to_hex(system_identifier) FROM pg_control_system()"
_IS_FOREIGN = f"SELECT home IS DISTINCT FROM ({_HERE}) FROM platform"
# A platform without a name for its home is new, or older than the name: then positions themselves must tell.
_MUST_SETTLE = """
SELECT home IS NOT NULL OR EXISTS (SELECT FROM shards WHERE position > pg_current_xact_id()) FROM platform"""

# A new column with a constant is written nowhere but in the catalogue, however many rows there are.  3 is the lowest
# id of a transaction: whatever came with the dump lies behind every reader.  Leases and terms are of before as well.
_SETTLE = """
ALTER TABLE {table} DROP COLUMN xid;
ALTER TABLE {table} ADD COLUMN xid xid8 NOT NULL DEFAULT '3';
ALTER TABLE {table} ALTER COLUMN xid SET DEFAULT pg_current_xact_id()"""
_TABLES = ("conversations", "conversation_participants", "read_horizons", "events")
_REMAINS = """
CREATE INDEX events_shard_xid_idx ON events (shard, xid);
UPDATE shards SET position = pg_current_xact_id(), owner = NULL, expires_at = '-infinity'"""


async def is_foreign(connection: "Connection") -> bool:
    """Whether `settle` must come before anything else."""
    return bool(await connection.fetchval(_KNOWS_HOME)) and bool(await connection.fetchval(_IS_FOREIGN))


async def settle(connection: "Connection") -> bool:
    """Make this PostgreSQL the home, within the caller's transaction; whether positions had to be given up for it."""
    moves = bool(await connection.fetchval(_MUST_SETTLE))
    if moves:
        for table in _TABLES:
            await connection.execute(_SETTLE.format(table=table))
        await connection.execute(_REMAINS)
    await connection.execute(f"UPDATE platform SET home = ({_HERE})")
    return moves
