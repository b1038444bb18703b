"""How connections nobody has vouched for are counted."""

from ipaddress import ip_network

import pytest

from services.gateway.pending import Pending

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def test_an_address_has_so_many_places_and_gets_them_back():
    pending = Pending(most=2)
    assert [pending.enter("a"), pending.enter("a"), pending.enter("a"), pending.enter("b")] == [True, True, False, True]

    pending.leave("a")
    assert pending.enter("a")

    for origin in ("a", "a", "b"):
        pending.leave(origin)
    assert len(pending) == 0


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "origin"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.1", "192.0.2.7"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "", "2001:db8:1:2::/64"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "198.51.100.9, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "198.51.100.9, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("fd00::1", "2001:db8::5", "2001:db8::/64"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.1, " + "10.0.0.2, " * 5_000 + "10.0.0.3", "10.0.0.2"),
        ("", "203.0.113.1", ""),
    ],
)
def test_a_client_cannot_choose_where_it_comes_from(peer: str, forwarded_for: str, origin: str):
    assert Pending(most=1, trusted_proxies=PROXIES).origin(peer, forwarded_for) == origin
