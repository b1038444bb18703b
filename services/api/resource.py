"""One path of the API and its methods: lets a request in, has it handled, and turns refusals into answers."""

import logging
from collections.abc import Mapping
from typing import Any

from causerie import telemetry
from causerie.actions.platform import Platform
from causerie.cache.rates import Bucket
from causerie.domain.errors import CauserieError, MethodNotAllowed
from services.api import problems
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.bodies import ClientGone
from services.api.exchange import Exchange
from services.api.gate import Gate
from services.api.operation import Operation

log = logging.getLogger(__name__)


class Resource:
    """An ASGI application for one path.

    FastAPI finds it; its dependency solving and models are left out, because bodies are read strictly by our own
    parser and every microsecond here is paid by every message.
    """

    def __init__(
        self,
        operations: Mapping[str, Operation],
        platform: Platform,
        gate: Gate,
        *,
        requests: Bucket,
        sends: Bucket,
    ) -> None:
        self._operations = operations
        self._path = next(iter(operations.values())).path
        self._platform = platform
        self._gate = gate
        self._requests = requests
        self._sends = sends

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange.of(scope)
        exchange.route = self._path
        try:
            answer = await self._traced(exchange, scope, receive)
        except CauserieError as refused:
            answer = problems.refusal(refused, exchange.request_id)
        except ClientGone:
            return
        except Exception:  # the edge: whatever it was, who asked gets an answer
            log.exception("a request failed", extra={"request_id": exchange.request_id, "route": exchange.route})
            answer = problems.internal(exchange.request_id)
        await answer(scope, receive, send)

    async def _answer(self, exchange: Exchange, scope: Any, receive: Any) -> Answer:
        operation = self._operations.get(scope["method"])
        if operation is None:
            return self._not_allowed(exchange)
        headers = dict(scope["headers"])
        bucket = self._sends if operation.is_send else self._requests
        caller = await self._gate.admit(headers, bucket, exchange)
        asked = Asked(self._platform, caller, headers, scope["path_params"], scope["query_string"], receive)
        return await operation.handler(asked)

    async def _traced(self, exchange: Exchange, scope: Any, receive: Any) -> Answer:
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        with telemetry.entry(f"{scope['method']} {self._path}", parent=parent) as request:
            if request is not None:
                request.annotate({"http.route": self._path, "causerie.request_id": exchange.request_id})
            answer = await self._answer(exchange, scope, receive)
            if request is not None:
                request.annotate({"http.response.status_code": answer.status})
            return answer

    def _not_allowed(self, exchange: Exchange) -> Answer:
        methods = [*self._operations, *(["HEAD"] if "GET" in self._operations else [])]
        allow = (b"allow", ", ".join(sorted(methods)).encode())
        return problems.refusal(MethodNotAllowed(), exchange.request_id, allow)
