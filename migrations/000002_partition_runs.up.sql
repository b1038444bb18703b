-- 000002_partition_runs: when the daily upkeep of partitions last succeeded, for `partitions check` and its alert.
CREATE TABLE partition_runs (
    job          text        PRIMARY KEY,
    succeeded_at timestamptz NOT NULL
);
