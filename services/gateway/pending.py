"""Connections nobody has vouched for yet, counted by the address they came from.

A token tells who somebody is, and per user everything is bounded.  Before that there is only an address, and one
of them must not take all the places of a gateway with half a head or a silent socket.  Whoever is one too many is
told to come back; who has said who he is counts no more, so an office behind one address is not kept out.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
MAX_HOPS = 16
"""So many addresses of `X-Forwarded-For` are looked at, from the end nearest to us."""
MAX_REMEMBERED = 1024
"""Reading an address takes as long as reading a request head, and most peers are proxies or come again."""
_SITE_BITS = 64
"""Whoever has one IPv6 address has a whole /64."""


class Pending:
    """One per gateway. The count of an address is gone when its last connection is."""

    def __init__(self, *, most: int, trusted_proxies: Iterable[Network] = ()) -> None:
        self._most = most
        self._trusted = tuple(trusted_proxies)
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def enter(self, origin: str) -> bool:
        """Count one more of an origin; False, and nothing is counted, when it has as many as it may."""
        count = self._counts.get(origin, 0)
        if count >= self._most:
            return False
        self._counts[origin] = count + 1
        return True

    def leave(self, origin: str) -> None:
        """One that had entered is known by now, or gone."""
        if self._counts[origin] == 1:
            del self._counts[origin]
        else:
            self._counts[origin] -= 1

    def is_proxy(self, peer: str) -> bool:
        """Whether the client's address is what this peer says it is."""
        address = _address(peer)
        return address is not None and self._trusts(address)

    def origin(self, peer: str, forwarded_for: str = "") -> str:
        """Where a connection comes from: its peer, or what a trusted proxy says.

        Read from the right, because whatever a client wrote itself stands to the left of what our proxies added.
        """
        client = _address(peer)
        for hop in reversed(forwarded_for.rsplit(",", MAX_HOPS)):
            if client is None or not self._trusts(client) or (named := _address(hop)) is None:
                break
            client = named
        return peer if client is None else _site(client)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


@lru_cache(MAX_REMEMBERED)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(MAX_REMEMBERED)
def _site(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, _SITE_BITS), strict=False))
