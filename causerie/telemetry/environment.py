"""What OpenTelemetry's own variables say: who we are, and whether somebody collects what we push."""

import os

from opentelemetry.sdk.resources import Resource


def resource(service: str) -> Resource:
    """The process as collectors see it; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word."""
    named = Resource.create()
    if str(named.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        return named.merge(Resource({"service.name": f"causerie-{service}"}))
    return named


def exporter_of(signal: str) -> str:
    """``otlp`` or ``console`` when `signal` (METRICS, TRACES) is to be pushed, else ``none``.

    OTLP is the default once an endpoint is named; without one nothing is pushed, whatever the rest says.
    """
    chosen = os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    if chosen == "otlp" and not any(os.environ.get(name) for name in endpoints):
        return "none"
    return chosen
