from services.gateway.tidy import MIN_LEFT, Exodus


def test_memory_is_given_back_once_when_most_have_left():
    exodus = Exodus()

    noticed = [exodus.notice(present) for present in (0, 5_000, 17_000, 12_000, 8_000, 3_000, 3_000)]

    assert noticed == [False, False, False, False, True, True, False]


def test_those_who_come_and_go_a_few_at_a_time_cost_no_pause():
    exodus = Exodus()

    noticed = [exodus.notice(present) for present in (MIN_LEFT - 1, 0, MIN_LEFT - 1, 0)]

    assert not any(noticed)
