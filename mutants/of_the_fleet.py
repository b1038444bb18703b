"""Mutants of how people are moved between gateways: drains, rebalancing, and which pod goes first."""

from mutants.mutant import Edit, Mutant

_REBALANCE = "services/gateway/rebalance.py"
_COSTS = "services/worker/deletion_cost.py"

MUTANTS = (
    Mutant(
        "everybody sent away at once",
        "A drain makes no herd.",
        (
            Edit(
                "services/gateway/drain.py",
                "return max(drain_seconds, total / max_per_second)",
                "return total / max_per_second",
            ),
        ),
        "tests/gateway/test_drain.py::test_closes_are_spread_evenly_over_the_drain",
    ),
    Mutant(
        "moved while others drain",
        "Nobody is moved while a gateway drains, for its clients are on their way.",
        (Edit(_REBALANCE, " and not any(heartbeat.draining for heartbeat in gateways)", ""),),
        "tests/gateway/test_rebalance.py::test_in_a_fleet_of_one_or_one_that_drains_nobody_may_move",
    ),
    Mutant(
        "moved by old figures",
        "Nobody is moved by what a silent gateway said last.",
        (Edit("causerie/seats/fleet.py", "if any(now - at > FRESH_SECONDS for at, _ in heard):", "if False:"),),
        "tests/seats/test_fleet.py::test_while_one_gateway_is_silent_nothing_is_known_until_it_is_given_up",
    ),
    Mutant(
        "busy people moved",
        "Whoever waits for an answer or has not caught up stays.",
        (Edit(_REBALANCE, "guest for guest in self._queue if guest.is_resumable", "guest for guest in self._queue"),),
        "tests/gateway/test_rebalance.py::test_the_longest_connected_go_first_and_who_is_busy_stays",
    ),
    Mutant(
        "all grow old together",
        "Those who came together do not leave together.",
        (
            Edit(
                "services/gateway/session.py",
                "rules.max_age_seconds * (2 * spread - 1)",
                "rules.max_age_seconds",
            ),
        ),
        "tests/gateway/test_session.py::test_sessions_that_began_together_grow_old_a_fifth_apart",
    ),
    Mutant(
        "every worker tells the cluster",
        "One worker at a time writes what pods cost.",
        (Edit(_COSTS, "if shard is None or not shard.is_held:", "if shard is None:"),),
        "tests/cluster/test_deletion_cost.py::test_whoever_owns_the_shard_no_longer_writes_no_longer",
    ),
    Mutant(
        "a cluster asked without leave",
        "Whoever has no leave asks once and waits.",
        (Edit(_COSTS, "FORBIDDEN_SECONDS if isinstance(error, Forbidden) else REST_SECONDS", "REST_SECONDS"),),
        "tests/cluster/test_deletion_cost.py::test_without_leave_the_cluster_is_asked_once_and_left_in_peace",
    ),
)
