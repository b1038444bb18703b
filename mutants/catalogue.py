"""The mutants: each breaks one promise in one place, and names the test that must turn red."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `before`, which stands exactly once in `path`, by `after`."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken promise: what is done wrong, the edits that do it, and the test (file, part of its name)."""

    name: str
    promise: str
    edits: tuple[Edit, ...]
    test: tuple[str, str]


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
        ("tests/store/test_posts.py", "acknowledged_before_its_commit"),
    ),
    Mutant(
        "no gap check",
        "Events are dispatched in the order of seq, without a hole.",
        (
            Edit(
                "services/worker/conversations.py",
                "if hint.seq != self.last + 1 and not (isinstance(hint, Skipped) and "
                "hint.first <= self.last + 1 <= hint.seq):",
                "if hint.seq <= self.last:",
            ),
        ),
        ("tests/worker/test_conversations.py", "any_order_and_any_repeats"),
    ),
    Mutant(
        "a position that runs ahead",
        "Reading on from a position never skips what commits late.",
        (
            Edit(
                "causerie/store/sync.py",
                "SELECT pg_snapshot_xmin(pg_current_snapshot()) AS position",
                "SELECT pg_snapshot_xmax(pg_current_snapshot()) AS position",
            ),
        ),
        ("tests/actions/test_sync.py", "commits_late"),
    ),
    Mutant(
        "keys in no order",
        "Two batches never deadlock.",
        (Edit("causerie/store/post_batch.py", " ORDER BY sender_id, client_id", ""),),
        ("tests/store/test_posts.py", "never_deadlock"),
    ),
    Mutant(
        "no term check",
        "A worker that lost its shard is not believed.",
        (
            Edit(
                "causerie/seats/incoming.py",
                "        elif term < stream.term:\n            return None\n",
                "",
            ),
        ),
        ("tests/seats/test_streams.py", "lower_term_is_not_believed"),
    ),
    Mutant(
        "a lease without a clock of one's own",
        "A worker that was frozen beyond its lease says nothing any more.",
        (
            Edit(
                "services/worker/shard.py",
                "return not self.is_over and time.monotonic() < self.deadline",
                "return not self.is_over",
            ),
            Edit("services/worker/dispatcher.py", "if now >= shard.deadline:", "if now < 0:"),
        ),
        ("tests/worker/test_takeover.py", "frozen_worker_is_not_believed"),
    ),
    Mutant(
        "keys forgotten",
        "The same key gives the same message, from any pod.",
        (
            Edit(
                "causerie/store/post_batch.py",
                ") k ON d.client_id IS NOT NULL",
                ") k ON false",
            ),
            Edit(
                "causerie/store/post_batch.py",
                "FROM stamped WHERE client_id IS NOT NULL ORDER",
                "FROM stamped WHERE false ORDER",
            ),
            Edit("causerie/store/post_batch.py", "client_id IS NULL OR id IN (SELECT message_id FROM keys)", "true"),
        ),
        ("tests/store/test_posts.py", "same_key_many_times_at_once"),
    ),
    Mutant(
        "a key without its body",
        "The same key with another body is refused.",
        (Edit("causerie/store/post_batch.py", 'if row["digest"] == digests[place]:', "if True:"),),
        ("tests/store/test_posts.py", "a_key_names_one_body"),
    ),
    Mutant(
        "presence without a lease",
        "The users of a gateway that died are offline within 45 s.",
        (Edit("causerie/cache/presence.py", "if node not in living:", "if False:"),),
        ("tests/cache/test_presence.py", "dead_node_takes_its_users_offline"),
    ),
    Mutant(
        "the question before the seat",
        "What sync did not find is pushed.",
        (
            Edit(
                "causerie/seats/settling.py",
                "return all(self._echoed.get(worker, 0) >= counter for worker in self._heard_at)",
                "return True",
            ),
        ),
        ("tests/seats/test_settling.py", "every_living_worker_must_have_echoed"),
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
        ("tests/actions/test_messages.py", "deleted_text_comes_back_nowhere"),
    ),
    Mutant(
        "a deleted text kept",
        "What was deleted comes back nowhere.",
        (
            Edit(
                "causerie/store/messages.py",
                "SET content = '', metadata = '{}', version",
                "SET version",
            ),
            Edit("causerie/domain/message.py", '"" if self.is_deleted else self.content', "self.content"),
        ),
        ("tests/actions/test_messages.py", "deleted_text_comes_back_nowhere"),
    ),
    Mutant(
        "a former member still hears",
        "The last event of a removed member is his removal.",
        (Edit("services/worker/conversations.py", "self.members = audience - left", "self.members = audience"),),
        ("tests/worker/test_conversations.py", "from_their_addition_to_their_removal"),
    ),
    Mutant(
        "an edit tells all",
        "Nobody learns what was said in a group before he joined.",
        (Edit("services/worker/dispatcher.py", "if hint.kind == EventKind.MESSAGE_EDIT and", "if False and"),),
        ("tests/worker/test_delivery.py", "does_not_tell_a_newcomer"),
    ),
    Mutant(
        "a queue without an end",
        "A slow reader harms nobody else.",
        (Edit("services/gateway/sends.py", "return self._held <= self._outbox.max_held_bytes", "return True"),),
        ("tests/gateway/test_sends.py", "a_full_queue_refuses"),
    ),
    Mutant(
        "a client that takes what comes",
        "A client applies an event only when it is the next one.",
        (Edit("causerie/client/conversation.py", "if seq > self.last + 1:", "if False:"),),
        ("tests/client/test_conversation_model.py", "once_and_only_in_its_turn"),
    ),
)
