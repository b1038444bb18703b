"""What is known of one request and its answer while they pass through the rooms."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from causerie.cache.rates import Verdict

_KEY = "causerie.exchange"


@dataclass(slots=True)
class Exchange:
    """`route` is the template of the path, for the metrics; `verdict` becomes `X-RateLimit-*`."""

    request_id: str
    verdict: Verdict
    route: str = "unknown"

    def put_into(self, scope: MutableMapping[str, Any]) -> None:
        scope[_KEY] = self

    @staticmethod
    def of(scope: MutableMapping[str, Any]) -> "Exchange":
        found: Exchange = scope[_KEY]
        return found
