"""The Dockerfile, held against its promises; no container is built here, but by `make image-proof`."""

import fnmatch
import json
import re
import subprocess
import sys

import yaml

from causerie.settings import KNOWN
from tests.charts.chart import CHART, REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())


def stages() -> dict[str, str]:
    """The instructions of each stage, lines that go on joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    found: dict[str, str] = {}
    name = ""
    for line in joined.splitlines():
        if made := re.match(r"FROM (?P<base>\S+) AS (?P<name>\S+)", line):
            name = made["name"]
            found[name] = found.get(made["base"], "")
        elif name and line and not line.startswith("#"):
            found[name] += line + "\n"
    return found


def test_the_images_hold_no_compiler_and_no_installer():
    for name in ("causerie", "loadtest"):
        text = stages()[name]
        assert not re.search(r"apt-get|gcc|pip install|COPY (?!--from=)", text)
        assert "pip uninstall" in text
    assert list(stages())[-1] == "causerie", "the last stage is what is built unless one asks for another"


def test_everything_that_is_installed_is_locked_by_hash():
    installs = re.findall(r"pip[^&\n]* install [^&\n]*", stages()["build"] + stages()["build-loadtest"])

    assert len(installs) >= 4
    for command in installs:
        assert "--require-hashes" in command or "--no-index" in command, command
        assert "--no-deps" in command, command


def test_the_user_is_nobody_on_any_node_and_the_one_of_the_pods():
    user = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)

    assert user == [("10001", "10001")]
    assert "default 10001" in (CHART / "templates" / "_pods.tpl").read_text()


def test_its_health_is_a_command_that_it_has():
    command = json.loads(re.findall(r"HEALTHCHECK .* CMD (\[.*\])", DOCKERFILE)[0])

    ran = subprocess.run(
        [sys.executable, "-m", *command, "--help"], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert "its health port" in ran.stdout


def test_every_file_that_is_copied_is_there_and_nothing_else_is_sent():
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }

    assert ignored[1] == "*"
    assert copied == sent
    assert [name for name in copied if not (REPOSITORY / name).exists()] == []
    assert any(fnmatch.fnmatch("services/gateway/native/loops.so", pattern) for pattern in ignored)


def test_the_wheel_that_is_built_needs_nothing_else_of_the_checkout():
    """What pyproject.toml names for a build is copied before it."""
    project = (REPOSITORY / "pyproject.toml").read_text()
    folders = json.loads(re.findall(r"^only-include = (\[.*\])$", project, re.MULTILINE)[0])

    for name in [*folders, "hatch_build.py", "README.md", "LICENSE"]:
        assert re.search(rf"^COPY (.* )?{re.escape(name)}( |$)", DOCKERFILE, re.MULTILINE), name


def test_chart_image_and_package_are_of_one_release():
    project = (REPOSITORY / "pyproject.toml").read_text()
    version = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)[0]

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert COMPOSE["services"]["api"]["image"] == f"causerie/causerie:{version}"
    assert re.findall(r'image\.version="(.+)"', DOCKERFILE) == [version]


def test_compose_starts_the_same_with_the_same_files():
    services = COMPOSE["services"]

    assert {"api", "gateway", "worker", "migrate", "postgresql", "valkey", "nats"} <= services.keys()
    for name in ("api", "gateway", "worker"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert {each for each in service["environment"] if each.startswith("CAUSERIE_")} <= KNOWN
        assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    drain = int(services["gateway"]["environment"]["CAUSERIE_DRAIN_SECONDS"])
    assert int(services["gateway"]["stop_grace_period"].removesuffix("s")) >= drain + 20
    for service in services.values():
        for mounted in service.get("volumes", []):
            source = mounted.split(":")[0]
            assert not source.startswith("./") or (REPOSITORY / source).exists()


def test_what_compose_runs_once_is_waited_for_so_that_up_ends_well():
    """`docker compose up --wait` fails when a container ends, unless another was to start after its success."""
    services = COMPOSE["services"]
    once = {name for name, service in services.items() if service.get("restart") == "no"}

    assert once == {"migrate", "partitions"}
    for name in once:
        assert services["api"]["depends_on"][name]["condition"] == "service_completed_successfully"


def test_compose_tells_the_chart_s_files_all_they_ask_for():
    for name in ("valkey", "nats"):
        file = next((CHART / "files").glob(f"{name}.*"))
        asked = set(re.findall(r"\$([A-Z_]+)", file.read_text()))
        assert asked <= COMPOSE["services"][name]["environment"].keys()


def test_the_bill_of_materials_names_every_locked_package():
    ran = subprocess.run([REPOSITORY / ".ci" / "sbom"], capture_output=True, text=True, check=True)

    bill = json.loads(ran.stdout)
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    assert {(each["name"], each["version"]) for each in bill["components"]} == set(locked)
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
    assert bill["bomFormat"] == "CycloneDX"
