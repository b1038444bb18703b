"""What the image has in it, and what it does not."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.image.containers import REPOSITORY, Containers

INSIDE = (Path(__file__).parent / "inside.py").read_text()
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
ENTRIES = ["causerie.__main__", *(f"services.{name}.__main__" for name in ("api", "gateway", "worker"))]
COMPILED_NOW = re.compile(r"^# code object from (/.*\.py)$", re.MULTILINE)


@pytest.fixture(scope="module")
def report(containers: Containers, image: str) -> dict[str, Any]:
    """What `inside.py` saw with all of the disk writable but for its permissions, as `docker run` alone leaves it."""
    ran = containers.run(image, "-", options=("--entrypoint=python", "--read-only=false"), given=INSIDE)
    assert ran.status == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_nothing_is_left_of_what_built_it(report: dict[str, Any]) -> None:
    for kind in ("tools", "installers", "lists", "tests", "left", "sources"):
        assert report[kind] == [], kind


def test_a_service_may_change_nothing_and_become_nobody_else(report: dict[str, Any]) -> None:
    assert min(report["user"]) >= 10_000
    assert report["anybody_writes"] == []
    assert report["somebody_elses"] == []


def test_the_gateway_s_loops_are_those_in_c(report: dict[str, Any]) -> None:
    assert report["loops"] == "C"


def test_every_module_of_ours_finds_what_it_imports(report: dict[str, Any]) -> None:
    assert report["broken"] == []
    assert {"causerie.cluster", *ENTRIES} <= set(report["modules"])


def test_the_bill_of_materials_is_what_the_image_has(report: dict[str, Any]) -> None:
    bill = json.loads(subprocess.run([REPOSITORY / ".ci" / "sbom"], capture_output=True, text=True, check=True).stdout)
    listed = {each["name"]: each for each in bill["components"]}
    had = {re.sub("[-_.]+", "-", name).lower(): version for name, version in report["packages"].items()}

    assert had.pop("causerie") == bill["metadata"]["component"]["version"] == VERSION
    assert had == {name: listed[name]["version"] for name in had if name in listed}
    # What is not there is for another system or another Python.
    assert [name for name in listed.keys() - had.keys() if "properties" not in listed[name]] == []


def test_nothing_is_compiled_when_a_service_starts(containers: Containers, image: str) -> None:
    """It could not be kept, so that each start, each health check and each job would pay for it again."""
    for entry in ENTRIES:
        ran = containers.run(image, "-v", "-c", f"import {entry}", options=("--entrypoint=python",))
        assert ran.status == 0, ran.err[-2000:]
        assert COMPILED_NOW.findall(ran.err) == []


def test_its_labels_say_what_it_is(containers: Containers, image: str, loadtest_image: str) -> None:
    titles = set()
    for each in (image, loadtest_image):
        labels = containers.inspect(each)["Config"]["Labels"]
        titles.add(labels["org.opencontainers.image.title"])
        assert labels["org.opencontainers.image.version"] == VERSION
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert labels["org.opencontainers.image.description"]
    assert len(titles) == 2
