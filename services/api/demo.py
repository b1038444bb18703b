"""The demo page of `causerie run`, and tokens for whoever opens it: on one's own machine, nowhere else.

A name is all it takes to become somebody here, so only loopback is served, and not through a proxy.
"""

import ipaddress
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from causerie import tokens
from causerie.domain import ids
from causerie.domain.errors import CauserieError, InvalidRequest, MethodNotAllowed, NotFound
from causerie.domain.limits import MAX_NAME_CHARACTERS
from causerie.protocol import fields
from causerie.protocol.fields import Fields
from services.api import answers, bodies, problems
from services.api.answers import Answer
from services.api.exchange import Exchange

WEB = Path(__file__).resolve().parents[2] / "web"
TOKEN_SECONDS = 24 * 3600.0

_NOT_IN_AN_ID = re.compile(r"[^a-z0-9]+")


def add_demo(app: FastAPI, *, secret: str, gateway_url: str | None) -> None:
    """Serve the page at `/demo/`, the JavaScript client it uses beside it, and tokens signed with `secret`."""
    app.router.routes += [
        Route("/demo/config", _OnLoopback(_Config(gateway_url))),
        Route("/demo/token", _OnLoopback(_Token(secret))),
        Mount("/demo/client", _OnLoopback(StaticFiles(directory=WEB / "client", check_dir=False))),
        Mount("/demo", _OnLoopback(StaticFiles(directory=WEB / "demo", html=True, check_dir=False))),
    ]


class _OnLoopback:
    """Answers requests of this machine as `app` does, and all others as if nothing were here."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange.of(scope)
        exchange.route = "/demo"
        try:
            if not _is_local(scope):
                raise NotFound
            await self._app(scope, receive, send)
        except CauserieError as refused:
            await problems.refusal(refused, exchange.request_id)(scope, receive, send)


class _Config:
    """`GET /demo/config`: where the page finds a gateway."""

    def __init__(self, gateway_url: str | None) -> None:
        self._answer = answers.json({"gateway_url": gateway_url})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "GET":
            raise MethodNotAllowed
        await self._answer(scope, receive, send)


class _Token:
    """`POST /demo/token {"name": …}`: a token for the user whose id is made of that name."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            raise MethodNotAllowed
        await (await self._issue(scope, receive))(scope, receive, send)

    async def _issue(self, scope: Any, receive: Any) -> Answer:
        given = Fields(await bodies.read_json(dict(scope["headers"]), receive, required=True), strict=True)
        name = given.require("name", fields.text(MAX_NAME_CHARACTERS))
        given.finish()
        user = _NOT_IN_AN_ID.sub("-", name.lower()).strip("-")[:64]
        if not user:
            raise InvalidRequest.of("name", "must contain a letter a-z or a digit")
        user_id = ids.user_id(user, "name")
        token = tokens.issue(self._secret, user_id, ttl_seconds=TOKEN_SECONDS, name=name.strip())
        return answers.json({"token": token, "user_id": user_id})


def _is_local(scope: Any) -> bool:
    if any(name in (b"x-forwarded-for", b"forwarded") for name, _ in scope["headers"]):
        return False
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
