"""`python -m causerie.telemetry.catalogue`: every metric as a table, with the names that Prometheus sees."""

import sys

from causerie.telemetry.catalogue import book, canary, clients, process, stores
from causerie.telemetry.histograms import Buckets
from causerie.telemetry.instruments import Durations, Number, Numbers

_ROOMS = {"Clients and messages": clients, "Stores": stores, "Each process": process, "Canary": canary}
_OF_SDK = {
    "http.server.request.duration": "`http_request_method`, `http_route`, `http_response_status_code`",
    "db.client.operation.duration": "`db_system_name`, `db_operation_name`",
}
"""The attributes of histograms that have several."""


def table() -> str:
    """Markdown, a part for each room."""
    parts = []
    for title, room in _ROOMS.items():
        rows = [metric for metric in vars(room).values() if isinstance(metric, book.Metric)]
        lines = [f"### {title}", "", "| Metric | Kind | Attributes | Shown by | |", "|---|---|---|---|---|"]
        parts.append("\n".join([*lines, *map(_row, rows)]))
    return "\n\n".join(parts) + "\n"


def _row(metric: book.Metric) -> str:
    match metric:
        case Buckets():
            kind, attributes = "histogram", metric.attribute
        case Durations():
            return _line(metric, "histogram", _OF_SDK[metric.name])
        case Number():
            kind, attributes = "counter" if metric.grows else "gauge", None
        case Numbers():
            kind, attributes = "counter" if metric.grows else "gauge", metric.attribute
    return _line(metric, kind, f"`{attributes.replace('.', '_')}`" if attributes else "")


def _line(metric: book.Metric, kind: str, attributes: str) -> str:
    services = book.services_of(metric)
    shown_by = "all" if services == book.EVERYWHERE else ", ".join(services)
    return f"| `{book.prometheus_name(metric)}` | {kind} | {attributes} | {shown_by} | {metric.description} |"


if __name__ == "__main__":
    sys.stdout.write(table())
