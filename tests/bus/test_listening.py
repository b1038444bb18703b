"""A subscription is judged deaf by its own ping, not by silence."""

from causerie.bus.listening import Ear, Verdict


def test_silence_asks_for_a_ping_and_an_answer_is_enough() -> None:
    ear = Ear(now=0.0)

    assert ear.verdict(now=2.9) is Verdict.FINE
    assert ear.verdict(now=3.0) is Verdict.PING
    ear.heard(now=3.1)
    assert ear.verdict(now=5.5) is Verdict.FINE


def test_no_answer_to_the_ping_means_listening_again() -> None:
    ear = Ear(now=0.0)
    ear.verdict(now=3.0)

    assert ear.verdict(now=4.9) is Verdict.FINE
    assert ear.verdict(now=5.0) is Verdict.LISTEN_AGAIN


def test_deaf_twice_means_that_the_connection_is_bad() -> None:
    ear = Ear(now=0.0)
    ear.verdict(now=3.0)
    ear.verdict(now=5.0)
    ear.listening(now=5.0)

    assert ear.verdict(now=8.0) is Verdict.PING
    assert ear.verdict(now=10.0) is Verdict.RECONNECT


def test_hearing_in_between_forgives() -> None:
    ear = Ear(now=0.0)
    ear.verdict(now=3.0)
    ear.verdict(now=5.0)
    ear.heard(now=6.0)

    assert ear.verdict(now=9.0) is Verdict.PING
    assert ear.verdict(now=11.0) is Verdict.LISTEN_AGAIN
