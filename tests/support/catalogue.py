"""A database's schema as lines of text, to compare two of them.

Columns are sorted by name: a migration can only add one at the end, which is no difference worth drawing.
"""

import asyncpg

_LINES = """
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relispartition, c.reloptions, c.relpartbound,
           coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'schema_migrations%'
)
SELECT format('relation %s: %s %s %s %s %s', relname, relkind, relpersistence, coalesce(reloptions::text, ''),
              coalesce(pg_get_expr(relpartbound, oid), ''), comment)
FROM ours WHERE relkind <> 'i' AND relkind <> 'I'
UNION ALL
SELECT format('partitioned %s by %s', relname, pg_get_partkeydef(oid)) FROM ours WHERE relkind = 'p'
UNION ALL
SELECT format('index %s', pg_get_indexdef(oid)) FROM ours WHERE relkind IN ('i', 'I')
UNION ALL
SELECT format('column %s.%s: %s%s%s default %s storage %s', relname, a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, a.attgenerated,
              coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attstorage)
FROM ours JOIN pg_attribute a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT format('constraint %s on %s: %s', k.conname, relname, pg_get_constraintdef(k.oid))
FROM ours JOIN pg_constraint k ON k.conrelid = ours.oid
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM ours JOIN pg_trigger t ON t.tgrelid = ours.oid
WHERE NOT t.tgisinternal
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('type %s', t.typname) FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd', 'r')
UNION ALL
SELECT format('extension %s', extname) FROM pg_extension
ORDER BY 1"""


async def schema_of(url: str) -> list[str]:
    """Everything the catalogue says, and how many rows each table begins with."""
    connection = await asyncpg.connect(url)
    try:
        lines = [row[0] for row in await connection.fetch(_LINES)]
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND relname <> 'schema_migrations' ORDER BY relname"
        )
        for (name,) in tables:
            lines.append(f"rows of {name}: {await connection.fetchval(f'SELECT count(*) FROM {name}')}")
        return lines
    finally:
        await connection.close()
