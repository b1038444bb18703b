"""What is read from `/metrics` and `/proc`."""

import os
from pathlib import Path

import pytest

from loadtest.sampling import Part, Parts, parse, sample
from loadtest.trouble import Trouble

EXPOSITION = """\
# HELP causerie_gateway_handshakes_total Upgrades asked for, by what came of them.
# TYPE causerie_gateway_handshakes_total counter
causerie_gateway_handshakes_total{result="accepted"} 41.0
causerie_gateway_handshakes_total{result="full"} 2.0
causerie_messages_accepted_total 7.0
http_server_request_duration_seconds_bucket{http_route="/v1/a b",le="0.1"} 3.0
http_server_request_duration_seconds_count{http_route="/v1/conversations/{id}"} 3.0
http_server_request_duration_seconds_count{http_route="/v1/a } b"} 4.0
"""


def test_series_of_one_name_are_added_and_buckets_left_out():
    assert parse(EXPOSITION) == {
        "causerie_gateway_handshakes_total": 43.0,
        "causerie_gateway_handshakes_total:accepted": 41.0,
        "causerie_messages_accepted_total": 7.0,
        "http_server_request_duration_seconds_count": 7.0,
    }


def test_a_part_is_weighed_by_its_processes_and_lives_without_metrics():
    seen = sample([Part("generator", [os.getpid()], []), Part("gone", [2**22 + 1], ["http://127.0.0.1:1/metrics"])])

    assert seen["generator"]["cpu_seconds"] > 0
    assert seen["generator"]["memory_bytes"] > 1024**2
    assert seen["gone"] == {"pods": 1, "cpu_seconds": 0.0, "memory_bytes": 0, "disk_bytes": 0, "metrics": {}}


def test_parts_are_read_as_they_were_written(tmp_path: Path):
    parts = Parts((Part("gateway", [1, 2], ["http://127.0.0.1:9081/metrics"]), Part("nats", [3], [], is_store=True)))

    parts.write(tmp_path / "parts.json")

    assert Parts.read(tmp_path / "parts.json") == parts


@pytest.mark.parametrize("text", ["[]", "{", '{"gateway": {"pid": 1}}'])
def test_a_file_that_says_something_else_is_refused(text: str, tmp_path: Path):
    (tmp_path / "parts.json").write_text(text)

    with pytest.raises(Trouble, match="does not say what to scrape"):
        Parts.read(tmp_path / "parts.json")
