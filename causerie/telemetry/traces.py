"""Spans: off, and free of cost, unless the environment names an exporter and the request was sampled.

A trace begins where a request or an op comes in (`entry`), and that is where it is decided whether there is one.
Everything behind it asks only whether somebody above it, or in its batch, is traced: `span` is None where nobody is.

Context travels as a W3C `traceparent`.  What consumes a batch links to every span that made it, for one batch has many
parents; where there is just one, which under sampling is nearly always, it also goes on with its trace.
"""

import os
from asyncio import Future
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from causerie.domain.errors import CauserieError, Unavailable
from causerie.telemetry import sampling
from causerie.telemetry.environment import exporter_of, resource

MAX_LINKS = 32
"""Of one batch; what was sampled beyond that is in there too, but not named."""

Value = str | int | float | bool | Sequence[str] | Sequence[int]

_W3C = TraceContextTextMapPropagator()
_NO_SPAN = nullcontext()
_NOWHERE = otel.Context()
_current: ContextVar["Opened | None"] = ContextVar("causerie-span", default=None)
_provider: TracerProvider | None = None
_tracer: trace.Tracer
_head: sampling.Head


class Opened:
    """A span that is open, and the current one inside its `with`. It ends there, unless it is held open."""

    __slots__ = ("_is_held", "_otel_token", "_span", "_token", "is_open")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._is_held = False
        self.is_open = True

    def __enter__(self) -> Self:
        self._token: Token[Opened | None] = _current.set(self)
        self._otel_token = otel.attach(trace.set_span_in_context(self._span, _NOWHERE))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        otel.detach(self._otel_token)
        _current.reset(self._token)
        if error is not None:
            self.failed(error)
        if error is not None or not self._is_held:
            self.end()

    @property
    def ids(self) -> tuple[str, str]:
        """Of the trace and of the span, as they are written."""
        context = self._span.get_span_context()
        return f"{context.trace_id:032x}", f"{context.span_id:016x}"

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """Say more about it. Ids belong here, what people write never does."""
        self._span.set_attributes(attributes)

    def hold(self) -> Callable[[], None]:
        """It goes on after its `with`, until what is returned is called."""
        self._is_held = True
        return self.end

    def hold_until(self, done: "Future[Any]") -> None:
        """It goes on after its `with`, until this future is done."""
        self._is_held = True
        done.add_done_callback(self._landed)

    def failed(self, error: BaseException) -> None:
        """A refusal is an answer; only what is our fault makes it an error."""
        if isinstance(error, CauserieError):
            self._span.set_attribute("error.type", error.code)
            is_our_fault = isinstance(error, Unavailable)
        else:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.record_exception(error)
            is_our_fault = True
        if is_our_fault:
            self._span.set_status(Status(StatusCode.ERROR))

    def _landed(self, done: "Future[Any]") -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            self.failed(error)
        self.end()

    def end(self) -> None:
        if self.is_open:
            self.is_open = False
            self._span.end()


MaybeOpened = AbstractContextManager[Opened | None]


def set_up(service: str) -> None:
    global _provider, _tracer, _head
    exporter = _exporter()
    if exporter is None or _provider is not None:
        return
    _head = sampling.read(os.environ)
    # Whatever gets that far has been sampled.
    _provider = TracerProvider(resource=resource(service), sampler=ALWAYS_ON)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("causerie")


def shut_down() -> None:
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def entry(name: str, *, parent: str | None = None) -> MaybeOpened:
    """Where a request or an op comes in: begin a trace, go on with that of `parent` (a traceparent), or neither."""
    if _provider is None:
        return _NO_SPAN
    origin = _origin(parent) if parent else None
    if not _head.takes(origin):
        return _NO_SPAN
    return Opened(_tracer.start_span(name, _below(origin), SpanKind.SERVER))


def span(
    name: str,
    *,
    links: Iterable[str | None] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    since_ns: int | None = None,
) -> MaybeOpened:
    """A step of what is traced: below the current span, or, for a batch, linked to those (traceparents) in it.

    Nothing when nobody is traced. `since_ns` is when it began, in Unix time, if that was not now.
    """
    if _provider is None:
        return _NO_SPAN
    if links is None:
        above = current()
        if above is None:
            return _NO_SPAN
        below = trace.set_span_in_context(above._span, _NOWHERE)
        return Opened(_tracer.start_span(name, below, kind, start_time=since_ns))
    origins = [origin for text in dict.fromkeys(links) if (origin := _origin(text)) and origin.trace_flags.sampled]
    if not origins:
        return _NO_SPAN
    linked = [Link(origin) for origin in origins[:MAX_LINKS]]
    below = _below(origins[0] if len(origins) == 1 else None)
    return Opened(_tracer.start_span(name, below, kind, None, linked, since_ns))


def current() -> Opened | None:
    """The span that is open here, if there is one. What was begun inside of one that has ended is not part of it."""
    opened = _current.get()
    return opened if opened is not None and opened.is_open else None


def traceparent() -> str | None:
    """The current span as text for an envelope or header; None when there is none, as when traces are off."""
    opened = current()
    return None if opened is None else "00-{}-{}-01".format(*opened.ids)


def _below(parent: SpanContext | None) -> otel.Context:
    """Named always: else the SDK would take what happens to be current."""
    return _NOWHERE if parent is None else trace.set_span_in_context(trace.NonRecordingSpan(parent), _NOWHERE)


def _origin(text: str | None) -> SpanContext | None:
    """What a traceparent names; None for one that is broken."""
    if not text:
        return None
    context = _W3C.extract({"traceparent": text}, _NOWHERE)
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None


def _exporter() -> SpanExporter | None:
    match exporter_of("TRACES"):
        case "console":
            return ConsoleSpanExporter()
        case "otlp":
            # Imported here: it brings an HTTP stack that a process without a collector never needs.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
    return None
