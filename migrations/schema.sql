-- The schema as all migrations together make it, drawn in one piece for reading and review.
--
-- Nothing runs this file: a test proves that the migrations lead here.  Months and weeks of the partitioned
-- tables are made by `causerie partitions ensure`.
--
-- A log position is a transaction id: `xid` columns hold the transaction that last touched a row, and a reader
-- goes on from `pg_snapshot_xmin(pg_current_snapshot())`.  No column that a post changes on `conversations` or
-- `read_horizons` is indexed, so those updates stay heap-only (HOT).

CREATE TABLE users (
    id           text        PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    kind         text        NOT NULL DEFAULT 'user',
    display_name text        NOT NULL,
    email        text,
    attributes   jsonb       NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE conversations (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    type          text        NOT NULL CHECK (type IN ('direct', 'group', 'channel')),
    name          text,
    description   text,
    avatar_url    text,
    context_type  text,
    context_id    text,
    -- The two people of a direct conversation without a context, in order: 'ann ben'.
    direct_pair   text,
    metadata      jsonb       NOT NULL DEFAULT '{}',
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_archived   boolean     NOT NULL DEFAULT false,
    -- From here on every post writes; none of it is indexed.
    last_seq         bigint      NOT NULL DEFAULT 0,
    message_count    bigint      NOT NULL DEFAULT 0,
    last_message_seq bigint      NOT NULL DEFAULT 0,
    last_activity_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_month       date,
    xid              xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((context_type IS NULL) = (context_id IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX conversations_context_key ON conversations (context_type, context_id) WHERE context_type IS NOT NULL;
CREATE UNIQUE INDEX conversations_direct_pair_key ON conversations (direct_pair) WHERE direct_pair IS NOT NULL;

-- One interval of seq per user and conversation: from his own member.add to his member.remove.
CREATE TABLE conversation_participants (
    conversation_id uuid        NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id         text        NOT NULL,
    role            text        NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member')),
    nickname        text,
    is_muted        boolean     NOT NULL DEFAULT false,
    muted_until     timestamptz,
    is_archived     boolean     NOT NULL DEFAULT false,
    joined_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    joined_seq      bigint      NOT NULL,
    left_at         timestamptz,
    left_seq        bigint,
    xid             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (conversation_id, user_id),
    CHECK ((left_at IS NULL) = (left_seq IS NULL))
) WITH (fillfactor = 90);
CREATE INDEX conversation_participants_user_idx ON conversation_participants (user_id, conversation_id);

-- How far each member has read.  `number` is that message's number: unread = conversations.message_count - number.
CREATE TABLE read_horizons (
    conversation_id  uuid        NOT NULL,
    user_id          text        NOT NULL,
    seq              bigint      NOT NULL,
    number           bigint      NOT NULL,
    delivered_seq    bigint      NOT NULL DEFAULT 0,
    is_marked_unread boolean     NOT NULL DEFAULT false,
    read_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid              xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (conversation_id, user_id)
) WITH (fillfactor = 70);

CREATE TABLE messages (
    id              uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    seq             bigint      NOT NULL,
    -- Counts the conversation's messages that are not `system`; a system message repeats the count before it.
    number          bigint      NOT NULL,
    sender_id       text        NOT NULL,
    type            text        NOT NULL,
    content         text        NOT NULL,
    metadata        jsonb       NOT NULL,
    reply_to_id     uuid,
    client_id       text,
    version         integer     NOT NULL DEFAULT 1,
    is_pinned       boolean     NOT NULL DEFAULT false,
    -- The time inside `id`, so that an id names its partition.
    created_at      timestamptz NOT NULL,
    edited_at       timestamptz,
    deleted_at      timestamptz,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX messages_conversation_seq_idx ON messages (conversation_id, seq);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- The log.  It carries facts, not bodies: a message is joined as it is now.
CREATE TABLE events (
    conversation_id uuid        NOT NULL,
    seq             bigint      NOT NULL,
    shard           smallint    NOT NULL,
    kind            text        NOT NULL,
    actor           text        NOT NULL,
    message_id      uuid,
    data            jsonb,
    created_at      timestamptz NOT NULL,
    xid             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (conversation_id, seq, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX events_shard_xid_idx ON events (shard, xid);
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Idempotency keys of sends, in weekly partitions (`week` is a Monday, UTC); a key expires with its partition.
CREATE TABLE send_keys (
    week            date     NOT NULL,
    sender_id       text     NOT NULL,
    client_id       text     NOT NULL,
    message_id      uuid     NOT NULL,
    digest          bytea    NOT NULL,
    PRIMARY KEY (sender_id, client_id, week)
) PARTITION BY RANGE (week);
CREATE TABLE send_keys_default PARTITION OF send_keys DEFAULT;

-- Where in a conversation's seq each month begins, so that history reads only the partitions it needs.
CREATE TABLE conversation_months (
    conversation_id uuid   NOT NULL,
    month           date   NOT NULL,
    first_seq       bigint NOT NULL,
    PRIMARY KEY (conversation_id, month)
);

-- Lease, fence (term) and checkpoint (position) of each shard in one row.
CREATE TABLE shards (
    shard      smallint    PRIMARY KEY,
    owner      text,
    term       bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    position   xid8        NOT NULL DEFAULT pg_current_xact_id()
) WITH (fillfactor = 50);
INSERT INTO shards (shard) SELECT generate_series(0, 63);

-- One row: the key that seals cursors, so that nobody reads on where another left off; and the PostgreSQL whose
-- transaction ids the positions of the log are, because a restored dump comes to another one.
CREATE TABLE platform (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cursor_key bytea   NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    home       text
);
INSERT INTO platform DEFAULT VALUES;

-- When the daily upkeep of partitions last succeeded, for `partitions check` and its alert.
CREATE TABLE partition_runs (
    job          text        PRIMARY KEY,
    succeeded_at timestamptz NOT NULL
);

-- What could not be handled and was left aside, for an operator to look at: where it was, and the name of the error.
-- Never message text.  The event itself stays in the log.
CREATE TABLE dead_letters (
    kind            text        NOT NULL,
    subject         text        NOT NULL,
    conversation_id uuid,
    seq             bigint,
    reason          text        NOT NULL,
    times           bigint      NOT NULL,
    first_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (kind, subject, conversation_id, seq, reason)
);
