"""What the canary makes of its messages, without waiting for any."""

import pytest

from causerie import telemetry
from causerie.canary.lane import LATE_SECONDS, Lane

COUNTED = {
    "sent": telemetry.CANARY_SENT,
    "refused": telemetry.CANARY_REFUSED,
    "received": telemetry.CANARY_RECEIVED,
    "lost": telemetry.CANARY_LOST,
    "doubled": telemetry.CANARY_DUPLICATES,
}
LOST_AFTER = 60.0


class Watched(Lane):
    """A lane whose counts begin with 0."""

    def __init__(self) -> None:
        super().__init__("native", lost_after_seconds=LOST_AFTER)
        self._before = {name: metric.values["native"] for name, metric in COUNTED.items()}
        self._recoveries = self._recovered()

    def counts(self) -> dict[str, float]:
        now = {name: metric.values["native"] - self._before[name] for name, metric in COUNTED.items()}
        return {name: count for name, count in now.items() if count}

    def recoveries(self) -> tuple[int, float]:
        """How many, and how long all of them took."""
        times, seconds = self._recovered()
        return times - self._recoveries[0], pytest.approx(seconds - self._recoveries[1])

    def send(self, name: str, now: float) -> None:
        self.sending(name, now=now)
        self.acknowledged(name)

    def _recovered(self) -> tuple[int, float]:
        series = telemetry.CANARY_RECOVERY_SECONDS.series["native"]
        return sum(series.counts), series.sum


@pytest.fixture
def lane() -> Watched:
    return Watched()


def test_what_comes_through_is_counted_once(lane):
    lane.send("one", 0.0)
    lane.arrived("one", now=0.1)
    lane.look(now=500.0)

    assert lane.counts() == {"sent": 1, "received": 1}
    assert lane.down_seconds(now=500.0) == 0.0


def test_what_arrives_before_its_acknowledgement_is_acknowledged_by_that(lane):
    lane.sending("one", now=0.0)
    lane.arrived("one", now=0.1)
    lane.acknowledged("one")
    lane.refused("one")

    assert lane.counts() == {"sent": 1, "received": 1}


def test_what_was_acknowledged_and_does_not_arrive_is_lost_once(lane):
    lane.send("one", 0.0)
    lane.look(now=LOST_AFTER)
    assert lane.counts() == {"sent": 1}

    lane.look(now=LOST_AFTER + 0.1)
    lane.look(now=LOST_AFTER + 0.2)
    lane.arrived("one", now=LOST_AFTER + 0.3)

    assert lane.counts() == {"sent": 1, "lost": 1}


def test_what_nobody_accepted_is_not_missed(lane):
    lane.sending("one", now=0.0)
    lane.refused("one")
    lane.look(now=2 * LOST_AFTER)

    assert lane.counts() == {"refused": 1}


def test_what_nobody_has_answered_yet_is_not_lost(lane):
    lane.sending("one", now=0.0)
    lane.look(now=LOST_AFTER + 0.1)

    assert lane.counts() == {}


def test_what_is_shown_twice_is_doubled(lane):
    lane.send("one", 0.0)
    for _ in range(3):
        lane.arrived("one", now=1.0)

    assert lane.counts() == {"sent": 1, "received": 1, "doubled": 2}


def test_an_outage_lasts_from_its_first_message_to_the_next_that_arrives(lane):
    lane.send("before", 0.0)
    lane.arrived("before", now=0.1)
    lane.send("first", 2.0)
    lane.send("second", 4.0)
    lane.look(now=2.0 + LATE_SECONDS)
    assert lane.down_seconds(now=3.0) == 0.0

    lane.look(now=2.1 + LATE_SECONDS)
    assert lane.down_seconds(now=7.0) == 5.0
    lane.arrived("first", now=9.0)
    lane.arrived("second", now=9.0)

    assert lane.down_seconds(now=9.0) == 0.0
    assert lane.recoveries() == (1, 7.0)
    assert lane.counts() == {"sent": 3, "received": 3}


def test_one_lost_message_is_no_outage_while_later_ones_come_through(lane):
    lane.send("lost", 0.0)
    lane.send("next", 0.5)
    lane.arrived("next", now=0.6)
    lane.look(now=30.0)

    assert lane.down_seconds(now=30.0) == 0.0
    assert lane.recoveries() == (0, 0.0)


def test_a_canary_that_flies_for_years_remembers_little(lane):
    for number in range(20_000):
        lane.send(str(number), float(number))
        lane.arrived(str(number), now=number + 0.1)
        lane.look(now=number + 1.0)

    assert len(lane._messages) <= 2 * LOST_AFTER + 2
