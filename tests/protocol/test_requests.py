"""The rules of bodies and queries, each with what it accepts and what it answers otherwise."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.domain.conversation import Context, ConversationType
from causerie.domain.errors import Forbidden, InvalidRequest
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.membership import Role
from causerie.domain.message import MessageType
from causerie.protocol import requests

CONVERSATION = ConversationId(UUID("01936f3e-1111-7000-8000-000000000001"))
MESSAGE = "01936f3e-2222-7000-8000-000000000002"
ANN = UserId("ann")


def wrong_fields(read, *args, **kwargs) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        read(*args, **kwargs)
    return [error.field for error in refused.value.errors]


def draft(body, **kwargs):
    return requests.draft(body, CONVERSATION, ANN, **kwargs)


def test_a_draft_keeps_its_text_as_it_is():
    drafted = draft(
        {"content": " e\u0301 ", "type": "image", "metadata": {"w": 1}, "reply_to_id": MESSAGE, "client_id": "k"}
    )

    assert (drafted.content, drafted.type, drafted.metadata) == (" e\u0301 ", MessageType.IMAGE, {"w": 1})
    assert (str(drafted.reply_to_id), drafted.client_id) == (MESSAGE, "k")


def test_everything_wrong_is_told_at_once():
    body = {"content": "", "type": "poem", "metadata": [], "reply_to_id": "7", "client_id": "", "colour": "red"}

    assert wrong_fields(draft, body) == ["content", "type", "metadata", "reply_to_id", "client_id", "colour"]


@pytest.mark.parametrize("content", [None, 7, "", " \n\t\u2003", "a\0b", "\ud800", "a" * 16_385, "é" * 8_193])
def test_a_draft_without_storable_text_is_refused(content):
    assert wrong_fields(draft, {"content": content}) == ["content"]


@pytest.mark.parametrize(
    "metadata",
    [7, [], "x", {"a": "x" * 4_096}, {"a": "\0"}, {"\ud800": 1}, {"a": 1e999}, {"a": 2**64}, {"a": -(2**63) - 1}],
)
def test_metadata_that_could_not_be_written_again_is_refused(metadata):
    assert wrong_fields(draft, {"content": "hi", "metadata": metadata}) == ["metadata"]


def test_metadata_has_at_most_sixteen_levels_itself_being_the_first():
    def nested(levels):
        return {} if levels == 1 else {"in": nested(levels - 1)}

    assert draft({"content": "hi", "metadata": nested(16)}).metadata
    assert wrong_fields(draft, {"content": "hi", "metadata": nested(17)}) == ["metadata"]


def test_a_compatible_path_ignores_what_it_does_not_know():
    assert draft({"content": "hi", "colour": "red"}, strict=False).content == "hi"


def test_header_and_client_id_must_agree():
    assert draft({"content": "hi"}, header_key="k").client_id == "k"
    assert draft({"content": "hi", "client_id": "k"}, header_key="k").client_id == "k"
    assert wrong_fields(draft, {"content": "hi", "client_id": "k"}, header_key="other") == ["client_id"]
    assert wrong_fields(draft, {"content": "hi"}, header_key="") == ["Idempotency-Key"]


def test_users_cannot_send_system_messages():
    with pytest.raises(Forbidden):
        draft({"content": "hi", "type": "system"})


@pytest.mark.parametrize("body", [None, [], "text", 7, True])
def test_a_body_must_be_an_object(body):
    assert wrong_fields(draft, body) == ["body"]


def test_unknown_names_are_answered_in_a_form_that_can_be_written():
    [name] = wrong_fields(requests.edit, {"content": "hi", "\ud800" * 100: 1})

    assert name.encode() and name.startswith("\\ud800")
    assert len(wrong_fields(requests.edit, {f"field{n}": 1 for n in range(5_000)})) < 50


def test_a_conversation_names_its_type_and_people():
    opened = requests.open_conversation(
        {"type": "group", "member_ids": ["ben", "cas", "ben"], "name": "Crew", "context": {"type": "order", "id": "7"}}
    )

    assert (opened.type, opened.member_ids, opened.name) == (ConversationType.GROUP, ("ben", "cas"), "Crew")
    assert opened.context == Context("order", "7")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type", "member_ids"]),
        ({"type": "room", "member_ids": []}, ["type"]),
        ({"type": "direct"}, ["member_ids"]),
        ({"type": "group", "member_ids": "ben"}, ["member_ids"]),
        ({"type": "group", "member_ids": ["ben", "b n"]}, ["member_ids[1]"]),
        ({"type": "group", "member_ids": [f"u{n}" for n in range(1_001)]}, ["member_ids"]),
        ({"type": "channel", "name": " "}, ["name"]),
        ({"type": "channel", "name": "n" * 201}, ["name"]),
        ({"type": "channel", "avatar_url": "javascript:alert(1)"}, ["avatar_url"]),
        ({"type": "channel", "avatar_url": "http://[broken"}, ["avatar_url"]),
        ({"type": "channel", "context": {"type": "order"}}, ["context.id"]),
        ({"type": "channel", "context": {"type": "order", "id": 7}}, ["context.id"]),
        ({"type": "channel", "context": {"type": "order", "id": "7", "x": 1}}, ["context.x"]),
        ({"type": "channel", "context": "order"}, ["context"]),
    ],
)
def test_a_conversation_that_breaks_a_rule_is_told_where(body, fields):
    assert wrong_fields(requests.open_conversation, body) == fields


def test_changes_hold_only_what_was_named_and_null_clears():
    assert requests.conversation_changes({"name": None, "is_archived": True}) == {"name": None, "is_archived": True}
    assert requests.conversation_changes({}) == {}
    assert requests.member_changes({"muted_until": "2027-01-01T00:00:00+02:00", "nickname": None}) == {
        "muted_until": datetime(2026, 12, 31, 22, tzinfo=UTC),
        "nickname": None,
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"role": "king"}, ["role"]),
        ({"role": None}, ["role"]),
        ({"is_muted": 1}, ["is_muted"]),
        ({"is_muted": None}, ["is_muted"]),
        ({"nickname": ""}, ["nickname"]),
        ({"muted_until": "tomorrow"}, ["muted_until"]),
        ({"muted_until": "2027-01-01"}, ["muted_until"]),
        ({"muted_until": "2027-01-01T00:00:00"}, ["muted_until"]),
        ({"muted_until": "2027-02-30T00:00:00Z"}, ["muted_until"]),
        ({"muted_until": "0001-01-01T00:00:00+14:00"}, ["muted_until"]),
        ({"left_at": None}, ["left_at"]),
    ],
)
def test_changes_that_break_a_rule_are_told_where(body, fields):
    assert wrong_fields(requests.member_changes, body) == fields


def test_a_member_is_added_as_member_unless_said_otherwise():
    assert requests.member({"user_id": "ben"}) == requests.NewMember(UserId("ben"), Role.MEMBER)
    assert requests.member({"user_id": "ben", "role": "admin"}).role is Role.ADMIN
    assert wrong_fields(requests.member, {"user_id": "b/n", "role": 1}) == ["user_id", "role"]


def test_a_read_mark_names_a_seq_or_a_message_and_is_clamped_not_refused():
    assert requests.read({"seq": 10**30}).seq == 2**53 - 1
    assert str(requests.read({"message_id": MESSAGE}).message_id) == MESSAGE
    for body in ({}, {"seq": -1}, {"seq": True}, {"seq": 1.5}, {"seq": "1"}, {"seq": 1, "message_id": MESSAGE}):
        assert wrong_fields(requests.read, body) == ["seq"]


def test_no_typing_body_means_start():
    assert requests.typing(None) == "start"
    assert requests.typing({}) == "start"
    assert requests.typing({"state": "stop"}) == "stop"
    assert wrong_fields(requests.typing, {"state": "pause"}) == ["state"]


def test_an_edit_may_name_the_version_it_changed():
    assert requests.edit({"content": "hi"}).version is None
    assert requests.edit({"content": "hi", "version": 3}).version == 3
    assert wrong_fields(requests.edit, {"content": "hi", "version": 0}) == ["version"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["type", "content", "context", "user_ids", "seq", "id", "state"]), inner)
        ),
        max_leaves=20,
    )
)
def test_no_body_breaks_a_reader(body):
    for read in (
        requests.open_conversation,
        requests.conversation_changes,
        requests.member,
        requests.member_changes,
        requests.edit,
        requests.read,
        requests.typing,
        requests.checked_users,
        draft,
    ):
        try:
            read(body)
        except (InvalidRequest, Forbidden) as refused:
            assert refused.message.encode()
