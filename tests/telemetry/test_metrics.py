"""Metrics as Prometheus scrapes them, read in a process of its own: telemetry is set up once per process."""

import subprocess
import sys
import textwrap

import pytest

HISTOGRAM, COUNTER, GAUGE = "histogram", "counter", "gauge"
CONTRACT = {
    "gateway": {
        "causerie_gateway_connections": GAUGE,
        "causerie_gateway_handshakes_total": COUNTER,
        "causerie_gateway_closes_total": COUNTER,
        "causerie_gateway_deliveries_total": COUNTER,
        "causerie_delivery_duration_seconds": HISTOGRAM,
        "causerie_messages_accepted_total": COUNTER,
        "causerie_errors_total": COUNTER,
        "causerie_gateway_send_queue_bytes": GAUGE,
        "causerie_event_loop_lag_seconds": GAUGE,
        "causerie_clock_skew_seconds": GAUGE,
        "causerie_resyncs_total": COUNTER,
        "causerie_dead_letters_total": COUNTER,
        "db_client_operation_duration_seconds": HISTOGRAM,
    },
    "api": {
        "causerie_messages_accepted_total": COUNTER,
        "causerie_errors_total": COUNTER,
        "causerie_event_loop_lag_seconds": GAUGE,
        "http_server_request_duration_seconds": HISTOGRAM,
        "db_client_operation_duration_seconds": HISTOGRAM,
    },
    "worker": {
        "causerie_dispatch_lag_seconds": GAUGE,
        "causerie_gaps_healed_total": COUNTER,
        "causerie_partition_months_ahead": GAUGE,
        "causerie_default_partition_rows": GAUGE,
        "causerie_dead_letters_total": COUNTER,
        "causerie_event_loop_lag_seconds": GAUGE,
        "db_client_operation_duration_seconds": HISTOGRAM,
    },
}
ATTRIBUTES = {
    "causerie_gateway_connections": "dialect",
    "causerie_gateway_handshakes_total": "result",
    "causerie_gateway_closes_total": "reason",
    "causerie_errors_total": "code",
    "causerie_dead_letters_total": "kind",
}
OF_ITSELF = ("process_", "causerie_build_info", "causerie_process_start_time_seconds")
"""What is no 0 from the start."""


class Scrape(dict[str, float]):
    """Series → value, and metric → type."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}


def scraped_after(deeds: str, service: str = "gateway", accept: str = "") -> Scrape:
    """What a fresh process shows after it did something."""
    program = f"from causerie import telemetry\ntelemetry.setup({service!r})\n" + textwrap.dedent(deeds)
    program += f"\nimport sys; sys.stdout.buffer.write(telemetry.render_metrics({accept!r})[0])"
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
def at_start() -> dict[str, Scrape]:
    return {service: scraped_after("", service) for service in CONTRACT}


@pytest.mark.parametrize("service", CONTRACT)
def test_every_metric_of_the_contract_is_there_with_its_type(at_start, service):
    assert CONTRACT[service].items() <= at_start[service].kinds.items()


@pytest.mark.parametrize("service", CONTRACT)
def test_every_series_begins_with_zero(at_start, service):
    assert {
        series for series, value in at_start[service].items() if value and not series.startswith(OF_ITSELF)
    } == set()


def test_a_process_shows_only_what_it_records(at_start):
    """Else a gauge of a worker would be a 0 of every gateway, and an alert on it would never be quiet."""
    of_sockets = {name for name in at_start["gateway"].kinds if name.startswith("causerie_gateway_")}
    of_workers = {
        name for name in at_start["worker"].kinds if name.startswith(("causerie_partition", "causerie_worker"))
    }

    assert of_sockets and of_workers
    assert not of_sockets & (at_start["api"].kinds.keys() | at_start["worker"].kinds.keys())
    assert not of_workers & (at_start["api"].kinds.keys() | at_start["gateway"].kinds.keys())


@pytest.mark.parametrize(("name", "attribute"), ATTRIBUTES.items())
def test_an_attribute_is_named_as_in_the_contract(at_start, name, attribute):
    shown = [key for key in at_start["gateway"] if key.startswith(f"{name}{{")]

    assert shown and all(key.startswith(f'{name}{{{attribute}="') for key in shown)


def test_a_process_says_what_it_uses_and_which_release_it_is(at_start):
    shown = at_start["worker"]

    assert shown['causerie_build_info{version="0.1.0"}'] == 1
    assert shown["process_memory_usage_bytes"] > 10 * 1024 * 1024
    assert shown['process_cpu_time_seconds_total{cpu_mode="user"}'] > 0
    assert 3 <= shown["process_open_file_descriptor_count"] < shown["process_open_file_descriptor_limit"]


def test_what_was_counted_is_shown():
    shown = scraped_after("""
        telemetry.DELIVERIES.value += 3
        telemetry.CLOSES.add("slow", 2)
        telemetry.CONNECTIONS.add("native", 5)
        telemetry.CONNECTIONS.add("native", -1)
        telemetry.SEND_QUEUE_BYTES.read = lambda: 77
        telemetry.DELIVERY_SECONDS.record(0.2)
        telemetry.db_operation("redis", "GET", 0.002)
        telemetry.OP_SECONDS.record_of("send", 0.03)
        telemetry.POSTS_BATCH_SIZE.record(3)
        telemetry.BUS_BYTES.reads["in"] = lambda: 9
    """)

    assert shown["causerie_gateway_deliveries_total"] == 3
    assert shown['causerie_gateway_closes_total{reason="slow"}'] == 2
    assert shown['causerie_gateway_connections{dialect="native"}'] == 4
    assert shown["causerie_gateway_send_queue_bytes"] == 77
    assert shown['causerie_delivery_duration_seconds_bucket{le="0.25"}'] == 1
    assert shown['causerie_delivery_duration_seconds_bucket{le="0.1"}'] == 0
    assert shown['causerie_gateway_op_duration_seconds_bucket{le="0.05",op="send"}'] == 1
    assert shown['causerie_gateway_op_duration_seconds_count{op="sync"}'] == 0
    assert shown['causerie_posts_batch_size_bucket{le="2.0"}'] == 0
    assert shown['causerie_posts_batch_size_bucket{le="4.0"}'] == 1
    assert shown['causerie_bus_traffic_bytes_total{direction="in"}'] == 9
    assert shown['db_client_operation_duration_seconds_count{db_operation_name="GET",db_system_name="redis"}'] == 1


def test_a_request_is_counted_by_its_route():
    shown = scraped_after('telemetry.http_request("GET", "/v1/messages/{id}", 200, 0.02)', "api")

    request = 'http_request_method="GET",http_response_status_code="200",http_route="/v1/messages/{id}"'
    assert shown[f"http_server_request_duration_seconds_count{{{request}}}"] == 1


def test_no_mistake_and_no_caller_can_make_series_without_end():
    shown = scraped_after(
        """
        for number in range(10_000):
            telemetry.ERRORS.add(f"code-{number}")
            telemetry.http_request(f"METHOD{number}", "/v1/sync", 405, 0.001)
            telemetry.OP_SECONDS.record_of(f"op-{number}", 0.001)
    """,
        "api and more",
    )

    codes = [key for key in shown if key.startswith("causerie_errors_total{")]
    assert len(codes) <= 65
    assert shown['causerie_errors_total{code="other"}'] > 9_000
    assert len([key for key in shown if key.startswith("http_server_request_duration_seconds_count")]) == 1
    assert len([key for key in shown if key.startswith("causerie_gateway_op_duration_seconds_count")]) <= 65
