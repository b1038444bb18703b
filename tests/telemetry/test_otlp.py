"""Pushing to a collector: only when the environment names one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

DEEDS = """
from causerie import telemetry
telemetry.setup("worker")
telemetry.GAPS_HEALED.add()
with telemetry.span("dispatch"):
    telemetry.DELIVERY_SECONDS.record(0.1)
telemetry.shutdown()
"""


class Collector(ThreadingHTTPServer):
    """Takes whatever is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, bytes] = {}
        super().__init__(("127.0.0.1", 0), _Take)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Take(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.pushed[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    yield collector
    collector.shutdown()
    thread.join()
    collector.server_close()


def run(**environment: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    plain = {"OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    subprocess.run([sys.executable, "-c", DEEDS], check=True, timeout=30, env={**own, **plain, **environment})


def test_metrics_and_traces_go_to_the_collector_that_is_named(collector):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    assert set(collector.pushed) == {"/v1/metrics", "/v1/traces"}
    assert b"causerie.gaps.healed" in collector.pushed["/v1/metrics"]
    assert b"causerie-worker" in collector.pushed["/v1/metrics"]
    assert b"dispatch" in collector.pushed["/v1/traces"]


def test_each_signal_can_be_pushed_alone(collector):
    run(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{collector.url}/mine")

    assert set(collector.pushed) == {"/mine"}


def test_an_operator_may_turn_one_off_and_name_the_service(collector):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_EXPORTER="none", OTEL_SERVICE_NAME="chat-prod")

    assert set(collector.pushed) == {"/v1/metrics"}
    assert b"chat-prod" in collector.pushed["/v1/metrics"]
