-- 000003_dead_letters: what could not be handled and was left aside, for an operator to look at; never message text.
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
