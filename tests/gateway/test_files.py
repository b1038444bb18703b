"""What a gateway makes of the limit of open files it was started under."""

import resource

import psutil
import pytest

from services.gateway.files import RESERVED_FILES, connections_within
from tests.support.services import Services

FEW = 512


async def test_a_gateway_takes_all_the_files_the_system_lets_it_have(own: Services):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        gateway = await own.start("gateway")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert psutil.Process(gateway.pid).rlimit(psutil.RLIMIT_NOFILE)[0] > FEW
    [shown] = [
        line for line in (await gateway.metrics()).splitlines() if line.startswith("process_open_file_descriptor_limit")
    ]
    assert float(shown.split()[-1]) > FEW


@pytest.mark.parametrize(
    ("asked", "files", "possible"),
    [(1_000, RESERVED_FILES + 1_000, 1_000), (1_000, RESERVED_FILES + 999, 999), (1_000, 100, 1)],
)
def test_no_more_connections_are_taken_than_there_are_files_for_and_the_operator_is_told(
    asked: int, files: int, possible: int, caplog: pytest.LogCaptureFixture
):
    assert connections_within(asked, files) == possible

    assert [record.levelname for record in caplog.records] == ([] if possible == asked else ["WARNING"])
