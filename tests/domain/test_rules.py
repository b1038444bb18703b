"""The pure rules: text, ids, times, shards, membership."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.domain import ids
from causerie.domain.conversation import ConversationType
from causerie.domain.errors import CauserieError, Forbidden, InvalidRequest
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.membership import Member, Right, Role, may_see
from causerie.domain.shards import SHARDS, preferred_owner, shard_of
from causerie.domain.text import check_content, check_metadata
from causerie.domain.times import rfc3339

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GROUP, CHANNEL, DIRECT = ConversationType.GROUP, ConversationType.CHANNEL, ConversationType.DIRECT


def a_member(role: Role = Role.MEMBER, *, joined_seq: int = 1, left_seq: int | None = None) -> Member:
    return Member(UserId("ann"), role, NOON, joined_seq, left_seq=left_seq, left_at=NOON if left_seq else None)


@pytest.mark.parametrize("text", ["", "  \n\t", "a\0b", "\ud800", "x" * 16_385, "é" * 8_193, 12, None])
def test_content_that_cannot_be_kept_is_refused(text: object) -> None:
    with pytest.raises(InvalidRequest):
        check_content(text)


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and "\0" not in text))
def test_content_is_kept_as_it_is(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        with pytest.raises(InvalidRequest):
            check_content(text)
    else:
        assert check_content(text) == text


def nested(levels: int) -> dict[str, object]:
    return {} if levels == 1 else {"a": nested(levels - 1)}


def test_metadata_has_sixteen_levels_at_most() -> None:
    assert check_metadata(nested(16)) == nested(16)
    with pytest.raises(InvalidRequest):
        check_metadata(nested(17))


@pytest.mark.parametrize("inside", [{}, {"b": [], "c": {}}, {"b": [1, 2.5, None, True, False, "é"], "c": {"d": -1}}])
def test_metadata_has_four_kibibytes_as_compact_json_at_most(inside: dict[str, object]) -> None:
    def filled(size: int) -> dict[str, object]:
        return {**inside, "a": "x" * (size - len(compact({**inside, "a": ""})))}

    assert len(compact(filled(4_096))) == 4_096
    assert check_metadata(filled(4_096)) == filled(4_096)
    with pytest.raises(InvalidRequest):
        check_metadata(filled(4_097))


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("value", [{"a": "x" * 4_096}, {"a\0": 1}, {"a": "\udfff"}, [], "text", {"n": 2**70}])
def test_metadata_that_cannot_be_kept_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        check_metadata(value)


@pytest.mark.parametrize("good", ["a", "ann", "A-z_0.9:@", "x" * 64])
def test_user_ids_are_opaque_words(good: str) -> None:
    assert ids.user_id(good) == good


@pytest.mark.parametrize("bad", ["", "a b", "ä", "x" * 65, "ann\n", None, 5])
def test_what_is_no_user_id_is_refused(bad: object) -> None:
    with pytest.raises(InvalidRequest):
        ids.user_id(bad)


@pytest.mark.parametrize("bad", ["", "é", "a\n", "x" * 65, None, 7])
def test_what_is_no_key_is_refused(bad: object) -> None:
    with pytest.raises(InvalidRequest):
        ids.client_id(bad)


def test_only_canonical_uuids_name_something() -> None:
    one = uuid4()
    assert ids.uuid_of(str(one)) == one
    assert [ids.uuid_of(text) for text in (one.hex, "{" + str(one) + "}", f"urn:uuid:{one}", "x", 5, None)] == [
        None
    ] * 6


def test_times_are_utc_with_milliseconds() -> None:
    east = timezone(timedelta(hours=2))

    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)) == "2026-01-02T03:04:05.999Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=east)) == "2026-01-02T01:04:05.000Z"


def test_a_shard_is_the_same_in_every_process_and_release() -> None:
    assert shard_of(ConversationId(UUID("019aa0b0-0000-7000-8000-000000000001"))) == 48
    assert {shard_of(ConversationId(uuid4())) for _ in range(5_000)} == set(range(SHARDS))


def test_when_a_worker_goes_only_its_own_shards_move() -> None:
    three, two = ["w1", "w2", "w3"], ["w1", "w3"]
    before = {shard: preferred_owner(shard, three) for shard in range(SHARDS)}
    after = {shard: preferred_owner(shard, two) for shard in range(SHARDS)}

    moved = {shard for shard in before if before[shard] != after[shard]}
    assert moved == {shard for shard, owner in before.items() if owner == "w2"}
    assert preferred_owner(0, []) is None


def test_groups_show_what_came_after_joining_and_channels_everything() -> None:
    late = a_member(joined_seq=10)

    assert [may_see(late, GROUP, seq) for seq in (9, 10, 11)] == [False, True, True]
    assert may_see(late, CHANNEL, 1)
    assert may_see(late, DIRECT, 1)


def test_a_membership_ends_with_its_own_removal() -> None:
    former = a_member(joined_seq=2, left_seq=7)

    assert [may_see(former, GROUP, seq) for seq in (2, 7, 8)] == [True, True, False]


def test_plain_members_post_and_owners_do_the_rest() -> None:
    a_member().require(Right.POST, GROUP)
    a_member().require(Right.CHANGE_CONVERSATION, DIRECT)
    a_member(Role.ADMIN).require(Right.MANAGE_MEMBERS, GROUP)
    a_member(Role.OWNER).require(Right.CHANGE_ROLES, GROUP)

    for role, right, why in [
        (Role.MEMBER, Right.CHANGE_CONVERSATION, "Only owners and admins may change the conversation."),
        (Role.MEMBER, Right.MANAGE_MEMBERS, "Only owners and admins may manage members."),
        (Role.ADMIN, Right.CHANGE_ROLES, "Only the owner may change roles."),
    ]:
        with pytest.raises(Forbidden, match=why):
            a_member(role).require(right, GROUP)


def test_muting_is_shown_to_nobody_else() -> None:
    muted = Member(UserId("ann"), Role.MEMBER, NOON, 1, is_muted=True, muted_until=NOON)

    assert (muted.as_json()["is_muted"], muted.as_json()["muted_until"]) == (False, None)
    assert (muted.as_json(private=True)["is_muted"], muted.as_json(private=True)["muted_until"]) == (
        True,
        rfc3339(NOON),
    )


def test_every_refusal_has_its_own_code() -> None:
    def below(kind: type[CauserieError]) -> list[type[CauserieError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    kinds = [kind for kind in below(CauserieError)[1:] if kind.__module__ == "causerie.domain.errors"]
    codes = [kind.code for kind in kinds]

    assert len(codes) == len(set(codes))
    assert all(kind.title and 400 <= kind.status < 600 for kind in kinds)
