"""Mutants of what operators are told: traces, metrics, the canary."""

from mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "a trace that never ends",
        "What a finished request began is no part of its trace.",
        (
            Edit(
                "causerie/telemetry/traces.py",
                "return opened if opened is not None and opened.is_open else None",
                "return opened",
            ),
        ),
        "tests/telemetry/test_traces.py::test_what_a_finished_request_began_is_no_part_of_its_trace",
    ),
    Mutant(
        "a commit in the first request's context",
        "A commit takes nothing over from a request that happened to begin it.",
        (Edit("causerie/store/posts.py", ", context=Context()", ""),),
        "tests/telemetry/test_pools.py::test_a_commit_takes_nothing_over_from_the_requests_in_it",
    ),
    Mutant(
        "a batch that is its first request's child",
        "A batch of many stands in nobody's trace and links to each.",
        (Edit("causerie/telemetry/traces.py", "origins[0] if len(origins) == 1 else None", "origins[0]"),),
        "tests/telemetry/test_traces.py::test_a_batch_of_many_links_to_each_and_is_nobodys_child",
    ),
    Mutant(
        "every request sampled",
        "What is not sampled leaves nothing anywhere.",
        (Edit("causerie/telemetry/sampling.py", "random.random() < self.share", "True"),),
        "tests/telemetry/test_traces.py::test_what_is_not_sampled_leaves_nothing_anywhere",
    ),
    Mutant(
        "a histogram shown twice",
        "What is pushed is shown once to who pulls.",
        (Edit("causerie/telemetry/exposition.py", " if family.name not in ours", ""),),
        "tests/telemetry/test_otlp.py::test_what_is_pushed_is_shown_once_to_who_pulls",
    ),
    Mutant(
        "a position that never ages",
        "A log position that cannot follow is seen.",
        (Edit("services/worker/shard.py", "if tail.position > self.position or not tail.heads:", "if True:"),),
        "tests/worker/test_shard.py::test_a_position_ages_while_it_cannot_follow_a_log_that_grows",
    ),
    Mutant(
        "a canary that misses what nobody took",
        "Only what was acknowledged can be lost.",
        (
            Edit(
                "causerie/canary/lane.py",
                "age > self._lost_after_seconds and message.is_acknowledged",
                "age > self._lost_after_seconds",
            ),
        ),
        "tests/canary/test_lane.py::test_what_nobody_has_answered_yet_is_not_lost",
    ),
)
