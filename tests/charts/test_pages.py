"""The helm commands of pages and README render, and what NOTES name is there."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charts.chart import CHART, NAMESPACE, RELEASE, REPOSITORY, helm, objects_of, parsed

PAGES = [CHART / "README.md", *sorted((REPOSITORY / "docs" / "operations").glob("*.md"))]
LEAVES_OUT = {"--wait", "--create-namespace"}
"""What helm would only do on a cluster."""
THEIRS = {"values.yaml", "values.capacity.yaml"}
"""Files that the reader has and we do not."""


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every `helm install|upgrade|template` of a page, and the page."""
    for page in PAGES:
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"\s*helm (install|upgrade|template) ", line):
                    yield page.name, shlex.split(line)[2:]


@pytest.mark.parametrize(("page", "arguments"), [pytest.param(*each, id=" ".join(each[1])) for each in commands()])
def test_a_helm_command_of_a_page_renders(page, arguments):
    arguments = [word for word in arguments if word not in LEAVES_OUT]
    if set(arguments) & THEIRS:
        mine = ["--set", "evaluation.enabled=true"]
        at = next(place for place, word in enumerate(arguments) if word in THEIRS)
        arguments[at - 1 : at + 1] = mine
    places = [str(REPOSITORY / word) if word.startswith("charts/causerie") else word for word in arguments]

    kinds = {each["kind"] for each in parsed(helm("template", *places))}

    assert {"Deployment", "Service", "Job", "CronJob"} <= kinds


def test_the_pages_have_such_commands():
    assert {page for page, _ in commands()} >= {"README.md", "install.md", "upgrade.md"}


def notes_of(profile: str, directory: Path) -> str:
    """What helm prints after an install: it renders them for a cluster only, so here they are an object of a copy."""
    chart = directory / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("dashboards", "rules"))
    notes = chart / "templates" / "NOTES.txt"
    (chart / "templates" / "_notes.tpl").write_text('{{ define "notes" }}' + notes.read_text() + "{{ end }}")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | toJson }}\n')
    values = CHART / "ci" / f"{profile}.yaml"
    shown = ("--show-only", "templates/notes.yaml", "--values", values)
    printed: str = parsed(helm("template", RELEASE, chart, "--namespace", NAMESPACE, *shown))[0]["notes"]
    return printed


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("evaluation", ["EVALUATION", "port-forward service/chat-causerie-gateway 8081:80", "causerie token ann"]),
        ("ingress", ["https://chat.example.org/v1", "wss://chat.example.org/ws"]),
        ("ha-external", ["https://chat.example.org/v1", "causerie token ann"]),
        ("nothing-on", ["wait until you have run `causerie migrate up`"]),
        ("everything-on", ["Sized by a capacity plan", "confidence: high", "The load test runs now"]),
    ],
)
def test_the_notes_say_what_to_do_next_with_objects_that_are_there(profile, says, tmp_path):
    notes = notes_of(profile, tmp_path)

    for words in says:
        assert words in notes
    names = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in objects_of(profile)}
    assert set(re.findall(r"(?:deployment|service)/[\w-]+", notes)) <= names
