"""A page as an operator opens it: every panel explains itself, none hides another, and the drawing shows them all."""

import json
import re
from xml.etree import ElementTree

import pytest

from dashboards import grafana
from dashboards.model import Dashboard, Panel
from dashboards.pages import PAGES
from dashboards.pictures import Curve, draw, told

EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
METRIC = re.compile(
    r"\b(?:up|ALERTS|(?:causerie_(?!service\b)|http_(?!route|response)|db_client_|process_)\w+)\b(?!\")"
)


def panels_of(page: Dashboard) -> list[dict]:
    return json.loads(grafana.render(page))["panels"]


@EVERY_PAGE
def test_every_panel_says_what_it_shows_and_what_good_looks_like(page: Dashboard):
    assert len({panel.title for panel in page.panels}) == len(page.panels)
    for panel in panels_of(page):
        shows, good = panel["description"].split("\n\n**Good:** ")
        assert shows.endswith(".")
        assert good.endswith(".")
        assert panel["targets"]


@EVERY_PAGE
def test_no_panel_lies_on_another_or_beyond_the_page(page: Dashboard):
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels_of(page))
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < grafana.COLUMNS


@EVERY_PAGE
def test_a_page_shows_the_chosen_namespace_alone(page: Dashboard):
    for panel in panels_of(page):
        for target in panel["targets"]:
            query = target["expr"]
            assert query.count(grafana.HERE) >= 1
            assert "HERE" not in query.replace(grafana.HERE, "")
            assert "[WINDOW]" not in query
            for metric in METRIC.finditer(query):
                rest = query[metric.end() :]
                if rest.startswith("{"):
                    assert grafana.HERE in rest[: rest.index("}")], query


def some_curves(panel: Panel) -> list[Curve]:
    rising = [(float(second), float(second)) for second in range(10)]
    return [
        Curve("one", rising),
        Curve("<two>", [(second, 3.0) for second, _ in rising[2:]]),
        Curve("nothing yet", [(3.0, float("nan"))]),
    ]


@EVERY_PAGE
def test_a_drawing_has_every_panel_and_is_the_same_each_time(page: Dashboard):
    drawn = draw(page, some_curves, "a test")

    texts = [element.text for element in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {panel.title for panel in page.panels} <= {*texts}
    assert "<two>" in texts
    assert drawn == draw(page, some_curves, "a test")


def test_a_panel_without_an_answer_says_so():
    assert draw(PAGES[0], lambda _: [], "a test").count("no data") == len(PAGES[0].panels)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0042, "s", "4.2 ms"),
        (75.0, "s", "75 s"),
        (4096.0, "bytes", "4 KiB"),
        (0.0, "Bps", "0 B/s"),
        (0.25, "percentunit", "25 %"),
        (1234.0, "cps", "1,234/s"),
        (16384.0, "short", "16,384"),
        (1.25, "short", "1.25"),
    ],
)
def test_a_value_is_told_as_a_person_reads_it(value, unit, text):
    assert told(value, unit) == text
