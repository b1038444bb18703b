"""A collector: takes what services push by OTLP over HTTP, on loopback, and says what it was."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass(frozen=True)
class Span:
    """One span as it was pushed; times are Unix seconds, ids hexadecimal."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    links: frozenset[str]
    began: float
    ended: float
    attributes: dict[str, Any]
    is_error: bool


class Collector(ThreadingHTTPServer):
    """`pushed` has the paths that were posted to, `spans` and `metrics` what was in them, the latest last."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pushed: set[str] = set()
        self.spans: list[Span] = []
        self.metrics: dict[tuple[str, str], Any] = {}
        """By service and name, as OTLP has them."""
        super().__init__(("127.0.0.1", 0), _Take)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def environment(self, *, signals: tuple[str, ...] = ("TRACES",), every_ms: int = 100) -> dict[str, str]:
        """What makes a service push these signals here."""
        off = {f"OTEL_{signal}_EXPORTER": "none" for signal in {"TRACES", "METRICS"} - set(signals)}
        soon = {"OTEL_BSP_SCHEDULE_DELAY": str(every_ms), "OTEL_METRIC_EXPORT_INTERVAL": str(every_ms)}
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, **off, **soon}

    def take(self, path: str, body: bytes) -> None:
        self.pushed.add(path)
        if path.endswith("/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _attributes(resource.resource.attributes)["service.name"]
                self.spans += [_span(service, span) for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                service = _attributes(resource.resource.attributes)["service.name"]
                for scope in resource.scope_metrics:
                    self.metrics.update({(service, metric.name): metric for metric in scope.metrics})


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that takes as long as the block."""
    collector = Collector()
    thread = Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        thread.join()
        collector.server_close()


class _Take(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _span(service: str, span: Any) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=frozenset(link.span_id.hex() for link in span.links),
        began=span.start_time_unix_nano / 1e9,
        ended=span.end_time_unix_nano / 1e9,
        attributes=_attributes(span.attributes),
        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        assert isinstance(pair, KeyValue)
        found[pair.key] = _value(pair.value)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return None if kind is None else getattr(value, kind)
