"""What a request head must say before anybody acts on it, the same on every port.

The parser refuses what is ambiguous about lengths.  These are the rules of RFC 9112 it leaves to the server: each is
something that a proxy before us may read in another way than we do, and that is how requests are smuggled.
"""

_SPOKEN = frozenset({"1.0", "1.1"})
_NOT_IN_A_HOST = frozenset(", \t/@?#\\")


def fault_of(http_version: str, host: str | None, transfer_encoding: str | None) -> str | None:
    """What is wrong with a head, in words for its sender; None when nothing is.

    Values of a repeated name come joined by commas, which makes two hosts no host.
    """
    if http_version not in _SPOKEN:
        return "Only HTTP/1.1 is spoken here."
    if host is None:
        if http_version == "1.1":
            return "The header Host is missing."
    elif not _NOT_IN_A_HOST.isdisjoint(host):
        return "There must be one Host."
    if transfer_encoding is not None and (http_version == "1.0" or transfer_encoding.strip(" \t").lower() != "chunked"):
        return "The only Transfer-Encoding is chunked."
    return None
