"""What is known of all gateways together, and when it is not known well enough to act on."""

from causerie.bus.envelopes import Heartbeat
from causerie.seats.fleet import FRESH_SECONDS, SILENCE_SECONDS, Fleet


def a_heartbeat(node: str, connections: int = 0, *, kind: str = "gateway") -> Heartbeat:
    return Heartbeat(node, kind, 0, connections, False, 1.0)


def test_the_latest_word_of_every_gateway_counts_and_that_of_apis_and_workers_does_not() -> None:
    fleet = Fleet()
    for heartbeat in (a_heartbeat("one", 7), a_heartbeat("two", 5), a_heartbeat("one", 9)):
        fleet.hear(heartbeat, now=10.0)
    fleet.hear(a_heartbeat("api", 100, kind="api"), now=10.0)
    fleet.hear(a_heartbeat("worker", 64, kind="worker"), now=10.0)

    gateways = fleet.gateways(now=11.0)

    assert gateways is not None
    assert {gateway.node: gateway.connections for gateway in gateways} == {"one": 9, "two": 5}


def test_while_one_gateway_is_silent_nothing_is_known_until_it_is_given_up() -> None:
    fleet = Fleet()
    fleet.hear(a_heartbeat("dead"), now=0.0)
    for second in range(int(SILENCE_SECONDS) + 2):
        fleet.hear(a_heartbeat("alive"), now=float(second))
        fleet.expire(now=float(second))
        known = fleet.gateways(now=float(second))

        if second <= FRESH_SECONDS:
            assert known is not None and len(known) == 2
        elif second <= SILENCE_SECONDS:
            assert known is None
        else:
            assert known is not None and [gateway.node for gateway in known] == ["alive"]


def test_a_gateway_that_says_goodbye_is_not_waited_for() -> None:
    fleet = Fleet()
    fleet.hear(a_heartbeat("one"), now=0.0)
    fleet.hear(a_heartbeat("one", kind="gone"), now=1.0)

    assert fleet.gateways(now=60.0) == []
