"""The page about observability says what there is."""

from pathlib import Path

from causerie.telemetry.catalogue import book
from causerie.telemetry.catalogue.__main__ import table

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"


def test_the_page_names_every_metric_there_is():
    """`python -m causerie.telemetry.catalogue` writes that part of it."""
    assert table() in PAGE.read_text()
    assert all(f"`{book.prometheus_name(metric)}`" in table() for metric in book.of("every service"))
