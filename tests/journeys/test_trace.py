"""One message's trace can be followed across the services, from the request to the socket of its reader."""

import json
import re
from typing import Any

from causerie.client import Client
from tests.journeys.fleet import token
from tests.support.services import Service, Services
from tests.support.waiting import eventually

CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "100"}


def spans(service: Service) -> list[dict[str, Any]]:
    """What the service's console exporter has printed among its log lines."""
    decoder, text, found = json.JSONDecoder(), service.log_text(), []
    for start in re.finditer(r"^\{$", text, re.MULTILINE):
        try:
            span, _ = decoder.raw_decode(text, start.start())
        except ValueError:
            continue
        found.append(span)
    return found


def named(service: Service, name: str) -> list[dict[str, Any]]:
    return [span for span in spans(service) if span["name"] == name]


def links(span: dict[str, Any]) -> set[str]:
    return {link["context"]["span_id"] for link in span["links"]}


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {span["context"]["span_id"] for span in found}


async def test_a_message_is_followed_from_its_request_to_its_readers_gateway(services: Services):
    api, worker, gateway = [await services.start(name, **CONSOLE) for name in ("api", "worker", "gateway")]
    doors = {"gateways": [gateway.ws_url], "apis": [api.url]}
    async with Client("ann", lambda: token("ann"), **doors) as ann, Client("ben", lambda: token("ben"), **doors) as ben:
        chat = (await ann.open("direct", ["ben"]))["id"]
        await ben.until(lambda model: chat in model.conversations)
        await ann.send(chat, "follow me", by_rest=True)
        await ben.until(lambda model: model.conversations[chat].last == 2)

        async def followed() -> bool:
            requests = ids(named(api, "POST /v1/conversations/{conversation_id}/messages"))
            commits = [span for span in named(api, "commit posts") if links(span) & requests]
            dispatches = [span for span in named(worker, "dispatch") if links(span) & ids(commits)]
            return any(links(span) & ids(dispatches) for span in named(gateway, "deliver"))

        await eventually(followed)
