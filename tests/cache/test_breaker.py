from causerie.cache.breaker import Breaker


def test_three_failures_within_a_second_open_it():
    breaker = Breaker()

    assert [breaker.failed(now=at) for at in (0.0, 0.3, 0.6)] == [False, False, True]
    assert breaker.is_open


def test_failures_far_apart_leave_it_closed():
    breaker = Breaker()

    assert not any(breaker.failed(now=float(at)) for at in range(0, 100, 2))
    assert not breaker.is_open


def test_what_opened_it_is_forgotten_when_it_closes():
    breaker = Breaker()
    for at in (0.0, 0.1, 0.2):
        breaker.failed(now=at)

    breaker.close()

    assert not breaker.failed(now=0.3)
    assert not breaker.is_open


def test_it_says_only_once_that_it_opened():
    breaker = Breaker()

    opened = [breaker.failed(now=at / 10) for at in range(8)]

    assert opened.count(True) == 1
