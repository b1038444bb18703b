"""Metrics as Prometheus scrapes them, read in a process of its own: telemetry is set up once per process."""

import subprocess
import sys
import textwrap

import pytest

CONTRACT = {
    "causerie_gateway_connections": "gauge",
    "causerie_gateway_handshakes_total": "counter",
    "causerie_gateway_closes_total": "counter",
    "causerie_gateway_deliveries_total": "counter",
    "causerie_delivery_duration_seconds": "histogram",
    "causerie_messages_accepted_total": "counter",
    "causerie_errors_total": "counter",
    "causerie_gateway_send_queue_bytes": "gauge",
    "causerie_event_loop_lag_seconds": "gauge",
    "causerie_clock_skew_seconds": "gauge",
    "causerie_dispatch_lag_seconds": "gauge",
    "causerie_gaps_healed_total": "counter",
    "causerie_resyncs_total": "counter",
    "causerie_dead_letters_total": "counter",
    "causerie_partition_months_ahead": "gauge",
    "causerie_default_partition_rows": "gauge",
    "http_server_request_duration_seconds": "histogram",
    "db_client_operation_duration_seconds": "histogram",
}
ATTRIBUTES = {
    "causerie_gateway_connections": "dialect",
    "causerie_gateway_handshakes_total": "result",
    "causerie_gateway_closes_total": "reason",
    "causerie_errors_total": "code",
    "causerie_dead_letters_total": "kind",
}


class Scrape(dict[str, float]):
    """Series → value, and metric → type."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}


def scraped_after(deeds: str) -> Scrape:
    """What a fresh process shows after it did something."""
    program = "from causerie import telemetry\ntelemetry.setup('gateway')\n" + textwrap.dedent(deeds)
    program += "\nimport sys; sys.stdout.buffer.write(telemetry.render_metrics())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert not done.stderr
    scrape = Scrape()
    for line in done.stdout.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            scrape.kinds[name] = kind
        elif not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            scrape[series] = float(value)
    return scrape


@pytest.fixture(scope="module")
def at_start() -> Scrape:
    return scraped_after("")


@pytest.mark.parametrize("name", CONTRACT)
def test_every_metric_of_the_contract_is_there_from_the_start_with_zero(at_start, name):
    shown = f"{name}_count" if CONTRACT[name] == "histogram" else name
    values = {value for key, value in at_start.items() if key == shown or key.startswith(f"{shown}{{")}

    assert values == {0.0}
    assert at_start.kinds[name] == CONTRACT[name]


def test_there_is_no_metric_beside_those_of_the_contract(at_start):
    assert set(at_start.kinds) == set(CONTRACT)


@pytest.mark.parametrize(("name", "attribute"), ATTRIBUTES.items())
def test_an_attribute_is_named_as_in_the_contract(at_start, name, attribute):
    assert all(key.startswith(f'{name}{{{attribute}="') for key in at_start if key.startswith(f"{name}{{"))
    assert any(key.startswith(f"{name}{{") for key in at_start)


def test_what_was_counted_is_shown():
    shown = scraped_after("""
        telemetry.DELIVERIES.value += 3
        telemetry.CLOSES.add("slow", 2)
        telemetry.CONNECTIONS.add("native", 5)
        telemetry.CONNECTIONS.add("native", -1)
        telemetry.SEND_QUEUE_BYTES.read = lambda: 77
        telemetry.DELIVERY_SECONDS.record(0.2)
        telemetry.http_request("GET", "/v1/messages/{id}", 200, 0.02)
        telemetry.db_operation("redis", "GET", 0.002)
    """)

    assert shown["causerie_gateway_deliveries_total"] == 3
    assert shown['causerie_gateway_closes_total{reason="slow"}'] == 2
    assert shown['causerie_gateway_connections{dialect="native"}'] == 4
    assert shown["causerie_gateway_send_queue_bytes"] == 77
    assert shown['causerie_delivery_duration_seconds_bucket{le="0.25"}'] == 1
    assert shown['causerie_delivery_duration_seconds_bucket{le="0.1"}'] == 0
    request = 'http_request_method="GET",http_response_status_code="200",http_route="/v1/messages/{id}"'
    assert shown[f"http_server_request_duration_seconds_count{{{request}}}"] == 1
    assert shown['db_client_operation_duration_seconds_count{db_operation_name="GET",db_system_name="redis"}'] == 1


def test_no_mistake_and_no_caller_can_make_series_without_end():
    shown = scraped_after("""
        for number in range(10_000):
            telemetry.ERRORS.add(f"code-{number}")
            telemetry.http_request(f"METHOD{number}", "/v1/sync", 405, 0.001)
    """)

    codes = [key for key in shown if key.startswith("causerie_errors_total{")]
    assert len(codes) <= 65
    assert shown['causerie_errors_total{code="other"}'] > 9_000
    assert len([key for key in shown if key.startswith("http_server_request_duration_seconds_count")]) == 1
