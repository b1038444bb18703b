"""Pushing to a collector: only when the environment names one."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.collector import Collector, collecting

DEEDS = """
from causerie import telemetry
telemetry.setup("worker")
telemetry.GAPS_HEALED.add()
telemetry.LOG_POSITION_AGE_SECONDS.read = lambda: 4.5
telemetry.POOL_WAIT_SECONDS.record(0.02)
telemetry.BUS_MESSAGES.reads["in"] = lambda: 7
with telemetry.entry("op send"):
    with telemetry.span("dispatch"):
        telemetry.db_operation("redis", "GET", 0.1)
telemetry.shutdown()
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def run(program: str = DEEDS, **environment: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, check=True, timeout=30, env={**own, **environment}, capture_output=True, text=True
    ).stdout


def test_metrics_and_traces_go_to_the_collector_that_is_named(collector):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    assert collector.pushed == {"/v1/metrics", "/v1/traces"}
    pushed = {name: metric for (service, name), metric in collector.metrics.items() if service == "causerie-worker"}
    (healed,) = pushed["causerie.gaps.healed"].sum.data_points
    (age,) = pushed["causerie.log.position.age"].gauge.data_points
    (waited,) = pushed["db.client.connection.wait_time"].histogram.data_points
    messages = {
        point.attributes[0].value.string_value: point.as_double or point.as_int
        for point in pushed["causerie.bus.messages"].sum.data_points
    }
    assert (healed.as_int, age.as_double, waited.count, messages) == (1, 4.5, 1, {"in": 7, "out": 0})
    assert pushed["process.memory.usage"].gauge.data_points[0].as_int > 10 * 1024 * 1024
    inner, outer = collector.spans
    assert (outer.name, inner.name, inner.parent_id) == ("op send", "dispatch", outer.span_id)


def test_the_sdks_own_examples_of_a_value_name_the_trace(collector):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    (point,) = collector.metrics["causerie-worker", "db.client.operation.duration"].histogram.data_points
    assert [example.trace_id.hex() for example in point.exemplars] == [collector.spans[0].trace_id]


def test_each_signal_can_be_pushed_alone(collector):
    run(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{collector.url}/mine")

    assert collector.pushed == {"/mine"}


def test_an_operator_may_turn_one_off_and_name_the_service(collector):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_EXPORTER="none", OTEL_SERVICE_NAME="chat-prod")

    assert collector.pushed == {"/v1/metrics"}
    assert {service for service, _ in collector.metrics} == {"chat-prod"}


def test_what_is_pushed_is_shown_once_to_who_pulls(collector):
    """Prometheus refuses a scrape in which a series stands twice."""
    program = DEEDS.replace(
        "telemetry.shutdown()",
        "import sys; sys.stdout.buffer.write(telemetry.render_metrics()[0]); telemetry.shutdown()",
    )

    shown = [
        line.rsplit(" ", 1)[0] for line in run(program, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).splitlines() if line
    ]

    assert "db_client_connection_wait_time_seconds_count" in shown
    assert len(shown) == len(set(shown))
