"""Heads that two readers could take for different things are refused before anybody acts on them."""

import pytest

from causerie.protocol.http_heads import fault_of


@pytest.mark.parametrize(
    ("version", "host", "coding"),
    [
        ("1.1", None, None),
        ("1.1", "chat.example, evil.example", None),
        ("1.1", "evil.example@chat.example", None),
        ("1.1", "chat.example/path", None),
        ("1.1", "chat.example", "gzip, chunked"),
        ("1.1", "chat.example", "chunked, chunked"),
        ("1.1", "chat.example", "identity"),
        ("1.1", "chat.example", ""),
        ("1.0", "chat.example", "chunked"),
        ("2.0", "chat.example", None),
        ("0.9", None, None),
    ],
)
def test_a_head_that_a_proxy_may_read_otherwise_is_refused(version: str, host: str | None, coding: str | None):
    assert fault_of(version, host, coding) is not None


@pytest.mark.parametrize(
    ("version", "host", "coding"),
    [
        ("1.1", "chat.example", None),
        ("1.1", "[2001:db8::1]:8080", None),
        ("1.1", "", None),
        ("1.1", "chat.example", " Chunked\t"),
        ("1.0", None, None),
    ],
)
def test_a_head_that_can_be_read_in_one_way_is_taken(version: str, host: str | None, coding: str | None):
    assert fault_of(version, host, coding) is None
