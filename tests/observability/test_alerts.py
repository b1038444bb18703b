"""Every alert fires when it should, stays quiet when it should, and leads whoever it wakes to its page."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from dashboards.__main__ import CHART, files
from dashboards.alerts import GROUPS
from dashboards.rules import RUNBOOKS, Alert, render
from dashboards.service_levels import groups
from tests.observability.cases import CASES, Case
from tests.observability.prometheus import promtool

RULES = sorted((CHART / "rules").glob("*.yaml"))
ALL_GROUPS = [*groups(), *GROUPS]
ALERTS = [rule for group in ALL_GROUPS for rule in group.rules if isinstance(rule, Alert)]
PAGES = Path(__file__).resolve().parents[2] / "docs" / "operations" / "runbooks"
SECTIONS = ("## What it means", "## What users notice", "## Look first", "## Mend", "## How it was tested")


def test_what_the_chart_ships_is_what_is_written_here():
    made = files()

    for name, text in made.items():
        assert (CHART / name).read_text() == text, "run `make dashboards`"
    shipped = [*(CHART / "dashboards").iterdir(), *(CHART / "rules").iterdir()]
    assert {path.relative_to(CHART) for path in shipped} == {*made}


def test_prometheus_takes_the_rules():
    promtool("check", "rules", *map(str, RULES))


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    fired = {(case.alert, severity) for case in CASES for severity in case.fires}

    assert fired == {(alert.name, alert.severity) for alert in ALERTS}
    assert {case.alert for case in CASES if not case.fires} == {alert.name for alert in ALERTS}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The cases as files for promtool.

    It judges every rule of a file once a step, so a case gets the rules of its group alone, and long ones long steps.
    """
    folder = tmp_path_factory.mktemp("cases")
    for group in ALL_GROUPS:
        rules = folder / f"{group.name}.yaml"
        rules.write_text(render([group]))
        names = {rule.name for rule in group.rules}
        for step in {case.step for case in CASES if case.alert in names}:
            tests = [_as_test(case) for case in CASES if case.alert in names and case.step == step]
            case_file = {"rule_files": [str(rules)], "evaluation_interval": step, "tests": tests}
            (folder / f"{group.name}-{step}.json").write_text(json.dumps(case_file))
    return [*folder.glob("*.json")]


def test_alerts_fire_when_they_should_and_only_then(judged: list[Path]):
    assert promtool("test", "rules", *map(str, judged)).count("SUCCESS") == len(judged) > len(GROUPS)


def _as_test(case: Case) -> dict[str, object]:
    firing = f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}'
    counted = [
        {"labels": f'{{severity="{severity}"}}', "value": count} for severity, count in Counter(case.fires).items()
    ]
    return {
        "name": f"{case.alert}: {case.says}",
        "interval": case.step,
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [{"expr": f"count by (severity) ({firing})", "eval_time": case.at, "exp_samples": counted}],
    }


@pytest.mark.parametrize("name", sorted({alert.name for alert in ALERTS}))
def test_who_is_called_finds_a_page_that_says_what_to_do(name: str):
    page = (PAGES / f"{name}.md").read_text()

    assert page.startswith(f"# {name}\n")
    places = [page.index(section) for section in SECTIONS]
    assert places == sorted(places)
    for link in re.findall(r"\]\((?!http)([^)#]+)", page):
        assert (PAGES / link).exists(), link


def test_there_is_no_page_for_an_alert_that_is_gone():
    assert {path.stem for path in PAGES.glob("*.md")} == {alert.name for alert in ALERTS} | {"README"}
    contents = (PAGES / "README.md").read_text()
    assert all(f"[{alert.name}]({alert.name}.md)" in contents for alert in ALERTS)
    assert all(alert.runbook == f"{RUNBOOKS}/{alert.name}.md" for alert in ALERTS)
