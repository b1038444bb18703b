"""The OpenAPI document: valid, whole, and true of what the API reads and answers."""

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource

from causerie.domain.errors import CauserieError
from causerie.domain.ids import ConversationId, UserId, uuid_of
from causerie.protocol import requests
from services.api.openapi.document import openapi
from services.api.openapi.schemas import CONVERSATION_ID, SCHEMAS
from services.api.resources import OPERATIONS
from tests.api.conftest import answered

DOCUMENT = openapi(OPERATIONS)
BODIES = {
    "NewMessage": lambda body: requests.draft(body, ConversationId(uuid_of(CONVERSATION_ID)), UserId("ann")),
    "MessageEdit": requests.edit,
    "NewConversation": requests.open_conversation,
    "ConversationChanges": requests.conversation_changes,
    "NewMember": requests.member,
    "MemberChanges": requests.member_changes,
    "ReadMark": requests.read,
    "TypingState": requests.typing,
    "CheckOnline": requests.checked_users,
}


def validator(name: str) -> Draft202012Validator:
    registry = Registry().with_resource("urn:api", Resource.opaque(DOCUMENT))
    return Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


async def test_the_document_is_served_and_valid(api):
    async with httpx.AsyncClient(base_url=api.url) as anybody:
        answer = await anybody.get("/openapi.json")

    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document == DOCUMENT


def test_every_operation_says_what_it_takes_and_answers_with_examples():
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["operationId"], name
        for parameter in operation["parameters"]:
            assert parameter["description"], name
            assert "example" in parameter, name
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["example"], name
        for status in ("401", "405", "429", "503"):
            assert status in operation["responses"], name
        for status, response in operation["responses"].items():
            if "$ref" not in response and status != "204":
                assert response["content"]["application/json"]["example"], name


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, operation in operations()]

    assert len(set(ids)) == len(ids)


def test_every_operation_is_guarded():
    assert DOCUMENT["security"] == [{"bearer": []}]
    assert all("security" not in operation for _, operation in operations())


@pytest.mark.parametrize("name", sorted(name for name in SCHEMAS if "examples" in SCHEMAS[name]))
def test_every_example_fits_its_schema(name):
    for example in SCHEMAS[name]["examples"]:
        validator(name).validate(example)


def test_every_body_of_an_operation_has_its_reader_here():
    assert {operation.body for operation in OPERATIONS if operation.body} == set(BODIES)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_the_schema_of_a_body_says_is_what_its_reader_does(name):
    schema, read = SCHEMAS[name], BODIES[name]
    [example] = schema["examples"]
    wrong = [[], {**example, "no_such_field": 1}]
    wrong += [{key: value for key, value in example.items() if key != left_out} for left_out in schema["required"]]
    wrong += [{**example, field: {"not": "this"}} for field in schema["properties"] if field not in ("metadata",)]

    read(example)
    for body in wrong:
        assert not validator(name).is_valid(body), body
        with pytest.raises(CauserieError):
            read(body)


async def test_answers_fit_their_schemas(ann, ben):
    conversation = await ann.opens("group", ben, name="Crew")
    message = await ann.says(conversation, "hello")
    path = f"/v1/conversations/{conversation}"

    validator("Message").validate(message)
    for name, answer in [
        ("Conversation", await ann.get(path)),
        ("ConversationEvents", await ben.get(f"{path}/events")),
        ("Sync", await ben.get("/v1/sync")),
        ("Unread", await ben.get("/v1/unread")),
        ("ReadState", await ben.post(f"{path}/read", {"seq": 2})),
        ("Typing", await ben.post(f"{path}/typing")),
        ("Presence", await answered(lambda: ben.post("/v1/users/online"))),
        ("Ticket", await answered(lambda: ben.post("/v1/tickets"))),
        ("Problem", await ben.get(f"{path}/nothing")),
        ("Problem", await ben.post(f"{path}/messages", {})),
    ]:
        validator(name).validate(answer.json())
    for name, answer in [
        ("Conversation", await ben.get("/v1/conversations")),
        ("Member", await ben.get(f"{path}/members")),
        ("Receipt", await ben.get(f"{path}/receipts")),
        ("Message", await ben.get(f"{path}/messages")),
        ("Presence", await ben.post("/v1/users/check-online", {"user_ids": [ann.id]})),
    ]:
        assert answer.json().keys() == {"items", "next_cursor"}
        for item in answer.json()["items"]:
            validator(name).validate(item)
    for event in (await ben.get(f"{path}/events")).json()["events"]:
        validator("Event").validate(event)
