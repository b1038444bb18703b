"""The rules of queries, each with what it accepts and what it answers otherwise."""

import pytest

from causerie.domain.errors import InvalidCursor, InvalidRequest
from causerie.protocol import queries


def wrong_fields(read, params) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        read(params)
    return [error.field for error in refused.value.errors]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "", "ten", "5.0", "1e1", " 5", "٥", "9" * 30])
def test_a_limit_out_of_range_is_refused_never_clamped(limit):
    for read in (queries.page, queries.history, queries.sync, queries.events):
        assert wrong_fields(read, {"limit": limit}) == ["limit"]


def test_a_page_has_a_cursor_or_an_offset():
    assert queries.page({"offset": "10000"}).offset == 10_000
    assert queries.page({"cursor": "abc", "limit": "7"}) == queries.Page(7, "abc", 0)
    assert queries.page({"cursor": ""}).cursor is None
    assert wrong_fields(queries.page, {"offset": "10001"}) == ["offset"]
    assert wrong_fields(queries.page, {"offset": "1", "cursor": "abc"}) == ["offset"]
    with pytest.raises(InvalidCursor):
        queries.page({"cursor": "a" * 10_000})


def test_history_has_one_anchor():
    assert queries.history({"around_seq": "7"}).around_seq == 7
    assert wrong_fields(queries.history, {"before_seq": "7", "after_seq": "1"}) == ["cursor"]
    assert wrong_fields(queries.history, {"before_seq": "9007199254740992"}) == ["before_seq"]


def test_only_channels_can_be_listed_by_who_is_not_in_them():
    filters, page = queries.mine({"type": "channel", "member": "false", "archived": "true"})

    assert (filters.member, filters.archived, page.limit) == (False, True, 50)
    assert wrong_fields(queries.mine, {"member": "false"}) == ["member"]
    assert wrong_fields(queries.mine, {"archived": "yes", "type": "room"}) == ["type", "archived"]
