"""What takes more than one line to record."""

import time

from causerie.telemetry.catalogue.clients import HTTP_SECONDS
from causerie.telemetry.catalogue.process import TASK_AGE_SECONDS
from causerie.telemetry.catalogue.stores import DB_SECONDS

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def http_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the template (`/v1/messages/{id}`), never the path."""
    HTTP_SECONDS.record(
        seconds,
        {
            "http.request.method": method if method in KNOWN_METHODS else "_OTHER",
            "http.route": route,
            "http.response.status_code": status,
        },
    )


def db_operation(system: str, operation: str, seconds: float) -> None:
    """Count one round trip to a store: `system` is ``postgresql`` or ``redis``, `operation` one of few names."""
    DB_SECONDS.record(seconds, {"db.system.name": system, "db.operation.name": operation})


class Rounds:
    """A background task that goes round: how long ago a round succeeded is shown from when this is made."""

    def __init__(self, task: str) -> None:
        self._succeeded_at = time.monotonic()
        TASK_AGE_SECONDS.reads[task] = lambda: time.monotonic() - self._succeeded_at

    def succeeded(self) -> None:
        self._succeeded_at = time.monotonic()
