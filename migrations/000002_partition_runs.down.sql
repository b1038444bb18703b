DROP TABLE partition_runs;
