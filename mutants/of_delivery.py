"""Mutants of what brings an event to its readers: hints, shards, streams, seats, sockets, presence, clients."""

from mutants.mutant import Edit, Mutant

MUTANTS = (
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
        "tests/worker/test_conversations.py::test_any_order_and_any_repeats_give_every_event_once_and_in_order",
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
        "tests/seats/test_streams.py::test_a_lower_term_is_not_believed",
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
        "tests/worker/test_shard.py::test_nobody_speaks_for_a_shard_beyond_the_end_of_its_lease_whatever_kept_him",
    ),
    Mutant(
        "a checkpoint that runs ahead",
        "An owner hands on what a node may still lack.",
        (
            Edit(
                "services/worker/shard.py",
                "return Lease(self.number, self._lease_term, min(self.position, self.checkpoint(nodes)))",
                "return Lease(self.number, self._lease_term, self.position)",
            ),
        ),
        "tests/worker/test_shard.py::test_a_successor_begins_at_what_the_last_of_the_nodes_has_acknowledged",
    ),
    Mutant(
        "a shard that can be stolen",
        "A shard has one owner at a time.",
        (
            Edit(
                "causerie/store/leases.py",
                " AND (owner IS NULL OR expires_at < clock_timestamp())",
                "",
            ),
        ),
        "tests/store/test_leases.py::test_of_workers_who_claim_everything_at_once_each_shard_has_one",
    ),
    Mutant(
        "a take-over from now on",
        "A new owner begins where the last one ended.",
        (
            Edit(
                "causerie/store/leases.py",
                "RETURNING s.shard, s.term, s.position",
                "RETURNING s.shard, s.term, pg_snapshot_xmin(pg_current_snapshot()) AS position",
            ),
        ),
        "tests/worker/test_between_workers.py::test_who_sat_down_while_no_worker_ran_hears_what_was_said_since",
    ),
    Mutant(
        "a wire nobody doubts",
        "A wire to NATS that has gone silent is left before clients have waited for 10 s.",
        (Edit("causerie/bus/connection.py", "\nPING_SECONDS = 2\n", "\nPING_SECONDS = 60\n"),),
        "tests/bus/test_silent_wires.py::test_who_only_speaks_is_heard_again_soon_after_its_wire_went_half_open",
    ),
    Mutant(
        "poison tried for ever",
        "What cannot be read holds up nobody else.",
        (Edit("services/worker/reading.py", "if self._failures[conversation_id] < MAX_FAILURES:", "if True:"),),
        "tests/poison/test_log.py::test_a_conversation_that_cannot_be_read_at_all_holds_up_nobody_else",
    ),
    Mutant(
        "poison passed over in silence",
        "Who cannot be told an event is told to resync.",
        (
            Edit(
                "services/worker/reading.py",
                "hint = self.skipped(conversation_id, entry.seq, entry.seq, committed_at=entry.ts.timestamp())",
                "continue",
            ),
        ),
        "tests/poison/test_newest.py::test_who_waits_for_the_newest_event_is_told_when_nobody_can_read_it",
    ),
    Mutant(
        "a former member still hears",
        "The last event of a removed member is his removal.",
        (Edit("services/worker/conversations.py", "self.members = audience - left", "self.members = audience"),),
        "tests/worker/test_conversations.py::test_members_hear_from_their_addition_to_their_removal",
    ),
    Mutant(
        "an edit tells all",
        "Nobody is pushed what was said in a group before he joined.",
        (Edit("services/worker/dispatcher.py", "if hint.kind == EventKind.MESSAGE_EDIT and", "if False and"),),
        "tests/worker/test_delivery.py::test_an_edit_does_not_tell_a_newcomer_what_was_said_before_he_came",
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
        "tests/seats/test_settling.py::test_every_living_worker_must_have_echoed",
    ),
    Mutant(
        "a queue without an end",
        "A slow reader harms nobody else.",
        (Edit("services/gateway/sends.py", "return self._held <= self._outbox.max_held_bytes", "return True"),),
        "tests/gateway/test_sends.py::test_a_full_queue_refuses",
    ),
    Mutant(
        "presence without a lease",
        "The users of a gateway that died are offline within 45 s.",
        (Edit("causerie/cache/presence.py", "if node not in living:", "if False:"),),
        "tests/cache/test_presence.py::test_a_dead_node_takes_its_users_offline_and_the_sweep_tells_so_once",
    ),
    Mutant(
        "presence without a grace",
        "A page that is loaded anew is no news.",
        (Edit("services/gateway/presence.py", "= now + self._grace_seconds", "= now"),),
        "tests/gateway/test_presence_desk.py::test_who_leaves_is_here_until_the_grace_is_over",
    ),
    Mutant(
        "a client that takes what comes",
        "A client applies an event only when it is the next one.",
        (Edit("causerie/client/conversation.py", "if seq > self.last + 1:", "if False:"),),
        "tests/client/test_conversation_model.py::test_an_event_takes_effect_once_and_only_in_its_turn",
    ),
)
