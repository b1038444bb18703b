"""Mutants of what is written and read: posts, keys, positions, cursors of history, partitions."""

from mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "ack before commit",
        "An ok is sent only after the commit.",
        (
            Edit(
                "causerie/store/posts.py",
                "wait_for_lock=wait_for_lock)\n        self.batches += 1",
                "wait_for_lock=wait_for_lock)\n"
                "                for waiting, outcome in zip(batch, outcomes, strict=True):\n"
                "                    if isinstance(outcome, Posted) and not waiting.answer.done():\n"
                "                        waiting.answer.set_result(outcome)\n"
                "                await asyncio.sleep(0)\n"
                "        self.batches += 1",
            ),
        ),
        "tests/store/test_posts.py::test_nothing_is_acknowledged_before_its_commit",
    ),
    Mutant(
        "keys in no order",
        "Two batches never deadlock.",
        (Edit("causerie/store/post_batch.py", " ORDER BY sender_id, client_id", ""),),
        "tests/store/test_posts.py::test_two_pods_with_the_same_keys_in_any_order_never_deadlock",
    ),
    Mutant(
        "keys in memory",
        "The same key gives the same message from any pod.",
        (
            Edit("causerie/store/post_batch.py", ") k ON d.client_id IS NOT NULL", ") k ON false"),
            Edit(
                "causerie/store/post_batch.py",
                "FROM stamped WHERE client_id IS NOT NULL ORDER",
                "FROM stamped WHERE false ORDER",
            ),
            Edit("causerie/store/post_batch.py", "client_id IS NULL OR id IN (SELECT message_id FROM keys)", "true"),
            Edit(
                "causerie/store/posts.py",
                "        self.batches = 0\n",
                "        self.batches = 0\n        self._known = {}\n",
            ),
            Edit(
                "causerie/store/posts.py",
                "        if self._queued >= MAX_QUEUED:\n",
                "        if draft.client_id is not None:\n"
                "            known = self._known.setdefault((draft.sender_id, draft.client_id), answer)\n"
                "            if known is not answer:\n"
                "                return known\n"
                "        if self._queued >= MAX_QUEUED:\n",
            ),
        ),
        "tests/store/test_posts.py::test_the_same_key_many_times_at_once_makes_one_message",
    ),
    Mutant(
        "a key without its body",
        "The same key with another body is refused.",
        (Edit("causerie/store/post_batch.py", 'if row["digest"] == digests[place]:', "if True:"),),
        "tests/store/test_posts.py::test_a_key_names_one_body",
    ),
    Mutant(
        "keys of this week alone",
        "A key is good for seven days.",
        (Edit("causerie/store/post_batch.py", "'UTC')::date - 7", "'UTC')::date"),),
        "tests/store/test_old_keys.py::test_a_send_repeated_in_the_next_week_gives_the_first_message",
    ),
    Mutant(
        "an answer when it comes",
        "PostgreSQL away is answered within 3 s.",
        (Edit("causerie/store/store.py", "DEADLINE_SECONDS = 2.5\n", "DEADLINE_SECONDS = 9.0\n"),),
        "tests/store/test_away.py::test_a_server_that_freezes_in_mid_transaction_gets_an_answer_in_time",
    ),
    Mutant(
        "a position that runs ahead",
        "Reading on from a cursor never skips what commits late.",
        (
            Edit(
                "causerie/store/sync.py",
                "SELECT pg_snapshot_xmin(pg_current_snapshot()) AS position",
                "SELECT pg_snapshot_xmax(pg_current_snapshot()) AS position",
            ),
        ),
        "tests/actions/test_sync.py::test_a_transaction_that_commits_late_is_not_skipped",
    ),
    Mutant(
        "a sync that ends where another connection began it",
        "Who is cut off between two pages lacks nothing of what came between, whoever stands still.",
        (
            Edit(
                "services/gateway/catchup.py",
                "guest.session.is_syncing or sync.begins(store, user, query.cursor)",
                "True",
            ),
        ),
        "tests/gateway/test_catching_up.py::"
        "test_who_is_cut_off_between_two_pages_gets_what_came_before_he_was_back_though_a_writer_stands_still",
    ),
    Mutant(
        "a tail that runs ahead",
        "Whoever reads the end of the log for delivery skips nothing either.",
        (
            Edit(
                "causerie/store/log.py",
                "SELECT wanted.shard, pg_snapshot_xmin(",
                "SELECT wanted.shard, pg_snapshot_xmax(",
            ),
        ),
        "tests/store/test_tail.py::test_what_commits_late_is_found_by_who_reads_on",
    ),
    Mutant(
        "an epoch without a timeline",
        "After a promotion nobody continues what the promoted server may lack.",
        (Edit("causerie/store/footing.py", "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)", "'00000001'"),),
        "tests/store/test_histories.py::test_a_cursor_of_before_a_promotion_is_not_continued_after_it",
    ),
    Mutant(
        "a cursor from the future",
        "After a disk was put back nobody continues what is no longer there.",
        (Edit("causerie/store/sync.py", "if given.start > position:", "if False:"),),
        "tests/store/test_histories.py::test_a_cursor_is_not_continued_when_the_disk_was_put_back_to_before_it",
    ),
    Mutant(
        "a backlog of any length",
        "Who was away for very long gets the history instead of every event.",
        (Edit("causerie/store/sync.py", "elif last_seq - first_seq >= MAX_BACKLOG:", "elif False:"),),
        "tests/actions/test_resets.py::test_who_was_away_for_too_long_is_told_to_fetch_the_history",
    ),
    Mutant(
        "a cache that does not ask",
        "A page from the cache is as new as the log.",
        (
            Edit(
                "causerie/actions/history.py",
                "kept.epoch == store.epoch and kept.seq == may.last_seq",
                "kept.epoch == store.epoch",
            ),
        ),
        "tests/actions/test_messages.py::test_a_deleted_text_comes_back_nowhere",
    ),
    Mutant(
        "a deleted text kept",
        "What was deleted comes back nowhere.",
        (
            Edit("causerie/store/messages.py", "SET content = '', metadata = '{}', version", "SET version"),
            Edit("causerie/domain/message.py", '"" if self.is_deleted else self.content', "self.content"),
        ),
        "tests/actions/test_messages.py::test_a_deleted_text_comes_back_nowhere",
    ),
    Mutant(
        "a sync that tells all",
        "Nobody who syncs learns what was said in a group before he joined.",
        (
            Edit(
                "causerie/store/sync.py",
                "first_seq=stretches[event.conversation_id].sees_from",
                "first_seq=1",
            ),
        ),
        "tests/actions/test_sync.py::test_an_edit_does_not_tell_a_newcomer_what_was_said_before_he_came",
    ),
    Mutant(
        "a mark that goes back",
        "What was read stays read.",
        (
            Edit(
                "causerie/store/horizons.py",
                "SET seq = greatest(r.seq, excluded.seq), number = greatest(r.number, excluded.number), is_marked",
                "SET seq = excluded.seq, number = excluded.number, is_marked",
            ),
        ),
        "tests/actions/test_messages.py::test_unread_counts_messages_and_not_edits",
    ),
    Mutant(
        "a dump that keeps its positions",
        "What was restored in another PostgreSQL is not told again and again.",
        (Edit("causerie/store/home.py", "    if moves:\n", "    if False:\n"),),
        "tests/store/test_home.py::test_after_a_restore_nothing_old_is_told_again_and_everything_new_is",
    ),
    Mutant(
        "a restore taken for the original",
        "A cursor of before a restore is not believed after it, also on the same server.",
        (
            Edit(
                "causerie/store/footing.py",
                "to_hex((SELECT oid FROM pg_database WHERE datname = current_database())::bigint << 32",
                "to_hex(0::bigint",
            ),
        ),
        "tests/store/test_home.py::test_a_copy_beside_the_original_is_another_history",
    ),
    Mutant(
        "an autovacuum that is waited for",
        "The upkeep does not wait for a vacuum that takes hours.",
        (Edit("causerie/store/ddl.py", "                if has_failed:\n", "                if False:\n"),),
        "tests/store/test_autovacuum.py::test_a_filled_default_is_repaired_though_it_is_being_vacuumed",
    ),
    Mutant(
        "numbers that nobody compares",
        "After a repair unread is exact, also where people talked on under a wrong counter.",
        (Edit("causerie/store/reconcile.py", "WHERE number <> before + step", "WHERE false"),),
        "tests/store/test_reconcile.py::test_a_repair_while_people_talk_disturbs_nobody_and_leaves_nothing",
    ),
    Mutant(
        "partitions dropped at once",
        "An old partition can be taken back until the next run.",
        (
            Edit(
                "causerie/store/partitions/retention.py",
                "[catalogue.marking(part.name, await catalogue.clock(connection))]",
                '[f"DROP TABLE {part.name}"]',
            ),
        ),
        "tests/store/test_partitions.py::test_old_partitions_are_detached_by_one_run_and_dropped_by_the_next",
    ),
)
