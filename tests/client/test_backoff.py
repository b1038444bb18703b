"""When a client comes back."""

from causerie.client.backoff import STABLE_SECONDS, Backoff


def test_the_wait_is_drawn_below_a_ceiling_that_doubles_up_to_the_cap():
    backoff = Backoff(lambda: 1.0, base_seconds=0.5, cap_seconds=4.0)

    assert [backoff.failed() for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_connection_that_was_stable_for_a_while_begins_anew():
    backoff = Backoff(lambda: 1.0, base_seconds=0.5)
    backoff.failed()
    backoff.failed()

    backoff.lasted(STABLE_SECONDS)

    assert backoff.failed() == 0.5


def test_a_connection_that_ended_at_once_is_one_more_failure():
    backoff = Backoff(lambda: 1.0, base_seconds=0.5)
    backoff.failed()
    backoff.failed()

    backoff.lasted(STABLE_SECONDS - 0.1)

    assert backoff.failed() == 2.0


def test_a_time_the_server_named_is_kept_and_only_stretched():
    assert Backoff(lambda: 0.0).failed(3.0) == 3.0
    assert 3.0 < Backoff(lambda: 0.99).failed(3.0) < 3.4
