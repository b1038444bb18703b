"""What a newcomer reads and types."""

import subprocess
import sys

import pytest

from causerie import __version__
from causerie.cli.arguments import parser


def causerie(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "causerie", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_and_the_settings():
    shown = causerie("--help")

    assert shown.returncode == 0
    for word in ("run", "api", "gateway", "worker", "migrate", "partitions", "token", "doctor"):
        assert f"\n    {word} " in shown.stdout, shown.stdout
    for name in ("DATABASE_URL", "REDIS_URL", "NATS_URL", "CAUSERIE_JWT_SECRET"):
        assert name in shown.stdout


def test_a_service_is_described_in_the_words_of_the_list():
    assert "One API service: REST, OpenAPI, the demo page." in causerie("api", "--help").stdout


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["api"],
        ["gateway"],
        ["worker"],
        ["migrate"],
        ["migrate", "up"],
        ["migrate", "down"],
        ["migrate", "status"],
        ["partitions"],
        ["partitions", "ensure"],
        ["partitions", "retain"],
        ["partitions", "check"],
        ["token"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        parser().parse_args([*command, "--help"])

    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: causerie {' '.join(command)}")


def test_the_version_is_the_package_version():
    assert causerie("--version").stdout == f"causerie {__version__}\n"


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (["tokn", "ann"], "invalid choice: 'tokn'"),
        (["run", "--api", "many"], "argument --api: invalid number value: 'many'"),
        (["partitions", "retain", "--drop-after-hours", "9" * 20], "--drop-after-hours: invalid number value: '999"),
        (["partitions", "retain", "--months", "99999"], "argument --months: invalid number value: '99999'"),
        (["run", "--port-api", "70000"], "argument --port-api: invalid port value: '70000'"),
        (["token", "ann", "--ttl", "soon"], "argument --ttl: invalid duration value: 'soon'"),
        (["token", "ann", "--ttl", "0h"], "argument --ttl: invalid duration value: '0h'"),
    ],
)
def test_a_mistyped_command_is_refused_with_what_was_wrong(typed, complaint, capsys):
    with pytest.raises(SystemExit) as left:
        parser().parse_args(typed)

    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(("ttl", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)])
def test_a_lifetime_has_a_unit(ttl, seconds):
    assert parser().parse_args(["token", "ann", "--ttl", ttl]).ttl == seconds


def test_a_service_without_settings_stops_with_one_line():
    stopped = causerie("worker", PATH="/usr/bin")

    assert stopped.returncode == 2
    assert stopped.stderr == "causerie worker: DATABASE_URL is not set\n"
