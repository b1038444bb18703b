"""A page as Grafana reads it. Newer versions open an older `schemaVersion` and bring it up to date themselves."""

import json
from collections.abc import Iterator
from typing import Any

from dashboards.model import Dashboard, Panel, Query

SCHEMA_VERSION = 39
COLUMNS = 24
HERE = 'namespace=~"$namespace"'
"""``.*``, which means all, also takes targets without a namespace."""
WINDOW = "$__rate_interval"
"""Grafana makes it four scrapes or more."""
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_GREEN, _RED = "green", "red"


def render(dashboard: Dashboard) -> str:
    """The same page always makes the same text."""
    page = {
        "uid": f"causerie-{dashboard.name}",
        "title": f"Causerie / {dashboard.title}",
        "description": dashboard.question,
        "tags": ["causerie"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_SOURCE_CHOICE, _NAMESPACE_CHOICE]},
        "links": [_LINKS],
        "annotations": {"list": []},
        "panels": [
            _panel(number, panel, place) for number, (panel, place) in enumerate(placed(dashboard.panels), start=1)
        ],
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def placed(panels: tuple[Panel, ...]) -> Iterator[tuple[Panel, dict[str, int]]]:
    """Numbers six in a row, curves two; from left to right, from top to bottom."""
    x = y = height = 0
    for panel in panels:
        wide, high = (4, 4) if panel.kind == "number" else (12, 8)
        if x + wide > COLUMNS or (height and high != height):
            x, y = 0, y + height
        yield panel, {"x": x, "y": y, "w": wide, "h": high}
        x, height = x + wide, high


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    is_number = panel.kind == "number"
    return {
        "id": number,
        "type": "stat" if is_number else "timeseries",
        "title": panel.title,
        "description": f"{panel.shows}\n\n**Good:** {panel.good}",
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _NUMBER_OPTIONS if is_number else _CURVE_OPTIONS,
        "targets": [_target(letter, query) for letter, query in zip("ABCDEFGH", panel.queries, strict=False)],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": _thresholds(panel)}
    if panel.kind == "number":
        defaults["color"] = {"mode": "thresholds"}
    else:
        defaults["color"] = {"mode": "palette-classic"}
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 30 if panel.kind == "areas" else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.kind == "areas" else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.bound is None else "dashed"},
        }
    return defaults


def _thresholds(panel: Panel) -> dict[str, Any]:
    below, beyond = (_RED, _GREEN) if panel.bad_below else (_GREEN, _RED)
    steps: list[dict[str, Any]] = [{"color": below if panel.bound is not None else _GREEN, "value": None}]
    if panel.bound is not None:
        steps.append({"color": beyond, "value": panel.bound})
    return {"mode": "absolute", "steps": steps}


def _target(letter: str, query: Query) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "editorMode": "code",
        "expr": query.promql(here=HERE, window=WINDOW),
        "legendFormat": query.legend,
        "range": True,
    }


_SOURCE_CHOICE = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
_NAMESPACE_CHOICE = {
    "name": "namespace",
    "label": "Namespace",
    "type": "query",
    "datasource": _SOURCE,
    "query": {"query": "label_values(causerie_gateway_connections, namespace)", "refId": "namespace"},
    "definition": "label_values(causerie_gateway_connections, namespace)",
    "refresh": 2,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}
_LINKS = {"title": "Causerie", "type": "dashboards", "tags": ["causerie"], "asDropdown": False, "keepTime": True}
_CURVE_OPTIONS = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
_NUMBER_OPTIONS = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
