"""Who is asked to move after a scale-out: enough, not too many at once, and nobody while it would do harm."""

from dataclasses import dataclass, field

import pytest

from causerie.bus.envelopes import Heartbeat
from causerie.protocol.close_codes import CloseCode
from services.gateway.rebalance import LEAST_EXCESS, PATIENCE_SECONDS, Balance, Rebalancing, may_move, mean_connections
from services.gateway.session import End, Rules, Session

TURN = 0.25


def a_heartbeat(connections: int, *, draining: bool = False) -> Heartbeat:
    return Heartbeat(f"gateway-{connections}", "gateway", 0, connections, draining, 60.0)


@dataclass(eq=False)
class Guest:
    """A connection that does nothing but leave when it is told to."""

    number: int
    house: set["Guest"]
    is_resumable: bool = True
    answers: bool = True
    ends: list[End] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return Session(Rules(), number=self.number, now=0.0)

    def end(self, end: End) -> None:
        self.ends.append(end)
        self.is_resumable = False
        if self.answers:
            self.house.discard(self)


class House:
    """A gateway with so many guests, in a fleet with a mean."""

    def __init__(self, count: int, *, mean: float | None, per_second: int = 20, above: float = 1.2) -> None:
        self.inside: set[Guest] = set()
        for number in range(count):
            self.inside.add(Guest(number, self.inside))
        self.everybody = sorted(self.inside, key=lambda guest: guest.number)
        self.mean = mean
        self.now = 0.0
        balance = Balance(per_second=per_second, above=above)
        self.rebalancing = Rebalancing(balance, self.inside, lambda: self.mean)  # type: ignore[arg-type]

    def live(self, seconds: float) -> int:
        """Returns how many were sent away meanwhile."""
        before = len(self.gone)
        until = self.now + seconds
        while self.now < until:
            self.now += TURN
            self.rebalancing.turn(now=self.now)
        return len(self.gone) - before

    @property
    def gone(self) -> list[Guest]:
        return [guest for guest in self.everybody if guest.ends]


def test_far_above_the_mean_a_few_leave_each_second_until_close_to_it() -> None:
    house = House(1_000, mean=667.0)

    assert house.live(PATIENCE_SECONDS + TURN) == 0
    assert 19 <= house.live(1.0) <= 21
    house.live(60.0)

    assert len(house.inside) == int(1.05 * 667)
    [end] = house.gone[0].ends
    assert (end.code, end.reason) == (CloseCode.RESTART, "rebalance")
    assert end.retry_after_seconds is not None and 0 <= end.retry_after_seconds <= 1


@pytest.mark.parametrize("count", [667, 700, 800])
def test_up_to_a_fifth_above_the_mean_nobody_is_disturbed(count: int) -> None:
    assert House(count, mean=667.0).live(60.0) == 0


def test_an_operator_may_want_it_closer() -> None:
    house = House(800, mean=667.0, above=1.1)

    house.live(60.0)

    assert len(house.inside) == int(1.025 * 667)


def test_a_handful_of_clients_is_not_sent_to_and_fro() -> None:
    assert House(LEAST_EXCESS + 1, mean=2.0).live(60.0) == 0


def test_nobody_is_disturbed_when_the_operator_wants_none_of_it() -> None:
    assert House(1_000, mean=100.0, per_second=0).live(60.0) == 0


def test_a_moment_above_the_mean_moves_nobody() -> None:
    house = House(1_000, mean=667.0)
    house.live(PATIENCE_SECONDS - 1)
    house.mean = 1_000.0
    house.live(1.0)
    house.mean = 667.0

    assert house.live(PATIENCE_SECONDS) == 0


def test_when_the_figures_become_unknown_it_stops_at_once_and_waits_anew() -> None:
    house = House(1_000, mean=667.0)
    house.live(PATIENCE_SECONDS + 2)
    house.mean = None
    assert house.live(30.0) == 0
    house.mean = 667.0

    assert house.live(PATIENCE_SECONDS) == 0
    assert house.live(2.0) > 0


def test_the_longest_connected_go_first_and_who_is_busy_stays() -> None:
    house = House(100, mean=60.0)
    house.everybody[1].is_resumable = False

    house.live(PATIENCE_SECONDS + 1)

    numbers = [guest.number for guest in house.gone]
    assert numbers == [0, *range(2, len(numbers) + 1)]


def test_nobody_who_comes_back_to_the_same_gateway_is_sent_away_again_before_the_others() -> None:
    house = House(100, mean=50.0)
    house.live(PATIENCE_SECONDS + 1)
    returned = [Guest(number, house.inside) for number in range(1_000, 1_040)]
    house.inside.update(returned)

    house.live(20.0)

    assert not any(guest.ends for guest in returned)


def test_whom_others_send_here_meanwhile_makes_some_more_leave_and_after_a_calm_nobody() -> None:
    house = House(200, mean=100.0)
    house.live(PATIENCE_SECONDS + 10)
    assert len(house.inside) == 105

    house.inside.update(Guest(number, house.inside) for number in range(1_000, 1_010))
    house.live(1.0)
    assert len(house.inside) == 105
    house.live(PATIENCE_SECONDS + TURN)
    house.inside.update(Guest(number, house.inside) for number in range(2_000, 2_010))

    assert house.live(30.0) == 0


def test_after_a_standstill_there_is_no_herd() -> None:
    house = House(1_000, mean=500.0)
    house.live(PATIENCE_SECONDS + 1)
    before = len(house.gone)

    house.now += 60.0
    house.live(TURN)

    assert len(house.gone) - before == 20


def test_those_who_are_slow_to_leave_are_not_counted_as_staying() -> None:
    house = House(100, mean=67.0)
    for guest in house.everybody:
        guest.answers = False

    house.live(60.0)

    assert len(house.gone) == 100 - int(1.05 * 67)


def test_when_all_were_asked_or_are_busy_it_rests_and_looks_again_later() -> None:
    house = House(100, mean=20.0)
    for guest in house.everybody[10:]:
        guest.is_resumable = False
    assert house.live(PATIENCE_SECONDS + 2) == 10
    for guest in house.inside:
        guest.is_resumable = True

    assert house.live(PATIENCE_SECONDS - 2) == 0
    assert house.live(10.0) > 0


def test_in_a_fleet_of_one_or_one_that_drains_nobody_may_move() -> None:
    assert not may_move([])
    assert not may_move([a_heartbeat(10)])
    assert not may_move([a_heartbeat(10), a_heartbeat(20), a_heartbeat(5, draining=True)])
    assert may_move([a_heartbeat(10), a_heartbeat(20)])


def test_the_mean_is_of_all_gateways_and_of_none_nothing() -> None:
    assert mean_connections([a_heartbeat(10), a_heartbeat(20)]) == 15.0
    assert mean_connections([]) == 0.0
