"""Spans: off, and free of cost, unless the environment names an exporter.

Context travels as a W3C `traceparent`. What consumes a batch links to the spans that made it instead of
becoming their child: one batch has many parents.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from causerie.telemetry.environment import exporter_of, resource

_W3C = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_NO_SPAN = nullcontext()


def set_up(service: str) -> None:
    global _provider
    exporter = _exporter()
    if exporter is None or _provider is not None:
        return
    _provider = TracerProvider(resource=resource(service))
    _provider.add_span_processor(BatchSpanProcessor(exporter))


def shut_down() -> None:
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def span(
    name: str,
    *,
    parent: str | None = None,
    links: Iterable[str | None] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    **attributes: str | int | float | bool,
) -> AbstractContextManager[None]:
    """Time what happens inside as a span, below `parent` (a traceparent) or the current span.

    An exception that leaves it is recorded. `links` are traceparents; broken ones are left out.
    """
    if _provider is None:
        return _NO_SPAN
    return _span(_provider, name, parent, links, kind, attributes)


@contextmanager
def _span(
    provider: TracerProvider,
    name: str,
    parent: str | None,
    links: Iterable[str | None],
    kind: SpanKind,
    attributes: dict[str, str | int | float | bool],
) -> Iterator[None]:
    tracer = provider.get_tracer("causerie")
    context = _W3C.extract({"traceparent": parent}) if parent else None
    linked = [Link(origin) for origin in map(_origin, links) if origin.is_valid]
    with tracer.start_as_current_span(name, context, kind, attributes, linked):
        yield


def traceparent() -> str | None:
    """The current span as text for an envelope or header; None when there is none, as when traces are off."""
    if _provider is None:
        return None
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def _origin(text: str | None) -> SpanContext:
    context = _W3C.extract({"traceparent": text or ""})
    return trace.get_current_span(context).get_span_context()


def _exporter() -> SpanExporter | None:
    match exporter_of("TRACES"):
        case "console":
            return ConsoleSpanExporter()
        case "otlp":
            # Imported here: it brings an HTTP stack that a process without a collector never needs.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
    return None
