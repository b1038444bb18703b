"""The FastAPI application: paths to resources, and what is answered where there is no path."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from causerie.actions.platform import Platform
from causerie.cache.rates import Bucket
from causerie.domain.errors import CauserieError, MethodNotAllowed, NotFound
from causerie.probes import Ready, health, readiness
from causerie.settings import LimitSettings
from services.api import answers, problems
from services.api.answers import Answer
from services.api.edge import Edge
from services.api.exchange import Exchange
from services.api.gate import Gate
from services.api.openapi.document import openapi
from services.api.operation import Operation
from services.api.origins import Origins
from services.api.resource import Resource
from services.api.resources import OPERATIONS


def make_application(
    platform: Platform, gate: Gate, origins: Origins, limits: LimitSettings, ready: Callable[[], Ready]
) -> tuple[FastAPI, Edge]:
    """Build the application; the second is what the server is given, the first what more can be mounted on."""
    requests = Bucket("requests", limits.requests_per_second, limits.requests_per_second)
    sends = Bucket("sends", limits.sends_per_second, limits.sends_burst)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _no_such_path)
    for path, operations in _by_path().items():
        resource = Resource(operations, platform, gate, requests=requests, sends=sends)
        app.router.routes.append(Route(path, resource, include_in_schema=False))
    document = answers.json(openapi(OPERATIONS))
    app.router.routes += [
        Route("/openapi.json", _Fixed("/openapi.json", lambda: document)),
        Route("/health", _Fixed("/health", lambda: _probe(health("api")))),
        Route("/ready", _Fixed("/ready", lambda: _probe(readiness("api", ready())))),
    ]
    return app, Edge(app, origins=origins, requests=requests)


class _Fixed:
    """A path that answers everybody alike."""

    def __init__(self, path: str, answer: Callable[[], Answer]) -> None:
        self._path = path
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange.of(scope)
        exchange.route = self._path
        answer = self._answer()
        if scope["method"] != "GET":
            answer = problems.refusal(MethodNotAllowed(), exchange.request_id, (b"allow", b"GET, HEAD"))
        await answer(scope, receive, send)


def _by_path() -> dict[str, dict[str, Operation]]:
    paths: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in OPERATIONS:
        paths[operation.path][operation.method] = operation
    return paths


def _probe(answer: Any) -> Answer:
    return Answer(answer.status, answer.body, ((b"content-type", answer.content_type.encode()),))


async def _no_such_path(request: Request, error: Exception) -> Any:
    assert isinstance(error, HTTPException)
    refused: CauserieError = MethodNotAllowed() if error.status_code == 405 else NotFound()
    return problems.refusal(refused, Exchange.of(request.scope).request_id)
