"""`causerie check`: an installation tried as its clients meet it; each prints one line and exits 0 or 1.

The image's health check, the chart's `helm test` and an operator use the same three.
"""

import asyncio
import base64
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from causerie import tokens
from causerie.cli import instance
from causerie.cli.outcome import Failed
from causerie.domain.ids import UserId
from causerie.embedded.service import is_ready
from causerie.settings import DEFAULT_HEALTH_PORTS

ANSWER_SECONDS = 10.0
ROUND_TRIP_SECONDS = 60.0
TOKEN_SECONDS = 300.0
ME, PEER = "causerie-check", "causerie-check-peer"
"""Always the same two, so that any number of checks share one conversation."""


def ready(port: int | None) -> int:
    """Whether a service here is ready: the one on `port`, else any with a health port of ours."""
    own = os.environ.get("CAUSERIE_HEALTH_PORT")
    ports = [port] if port else [int(own)] if own and own.isdigit() else list(DEFAULT_HEALTH_PORTS.values())

    async def answering() -> list[int]:
        answers = await asyncio.gather(*(is_ready(each) for each in ports))
        return [each for each, answer in zip(ports, answers, strict=True) if answer]

    found = asyncio.run(answering())
    if not found:
        raise Failed(f"nothing answers /ready with 200 on port {', '.join(map(str, ports))}")
    print(f"ready on port {found[0]}")
    return 0


def api(url: str) -> int:
    """Whether the API is ready and sees every store.

    Raises:
        Failed: it does not answer, is not ready, or a store of its is away.
    """
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/ready", timeout=ANSWER_SECONDS) as answer:
            stores: dict[str, str] = json.load(answer)["stores"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"{url} is not ready: {error}") from None
    away = [name for name, state in stores.items() if state != "up"]
    if away:
        raise Failed(f"{url} is ready, but does without: {', '.join(away)}")
    print(f"{url} is ready, with {', '.join(stores)}")
    return 0


def websocket(directory: Path, gateway: str, api_url: str) -> int:
    """Connect, send, get the acknowledgement, receive the message.

    Raises:
        Failed: saying how far it came.
    """
    token = os.environ.get("TOKEN") or tokens.issue(
        instance.known_secret(directory), UserId(ME), ttl_seconds=TOKEN_SECONDS
    )
    asyncio.run(_round_trip(token, gateway, api_url))
    return 0


async def _round_trip(token: str, gateway: str, api_url: str) -> None:
    # Here, for httpx takes a third of a command's start and `check ready` runs every half minute.
    from causerie.client import Client, ClientError

    received: dict[str, float] = {}

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "message.new":
            received[event["data"]["id"]] = time.monotonic()

    doing = "connecting"
    try:
        async with asyncio.timeout(ROUND_TRIP_SECONDS):
            began = time.monotonic()
            async with Client(_subject(token), token, gateways=[gateway], apis=[api_url], on_event=on_event) as client:
                connected = time.monotonic()
                doing = "opening a conversation"
                conversation = await client.open("direct", [PEER])
                doing = "sending"
                sending = time.monotonic()
                sent = await client.send(conversation["id"], "A check of this installation.")
                acknowledged = time.monotonic()
                doing = f"receiving message {sent['id']}"
                await client.until(lambda _: sent["id"] in received)
    except (ClientError, TimeoutError) as error:
        raise Failed(f"{gateway} failed while {doing}: {str(error) or 'no answer'}") from None
    steps = {
        "connected": connected - began,
        "acknowledged": acknowledged - sending,
        "received": received[sent["id"]] - sending,
    }
    print(f"{gateway}: " + ", ".join(f"{step} after {seconds * 1000:.0f} ms" for step, seconds in steps.items()))


def _subject(token: str) -> str:
    """Whose token it is; whether it may be believed is for the gateway to say."""
    try:
        body = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        raise Failed("TOKEN is no signed token with a `sub`", status=2) from None
