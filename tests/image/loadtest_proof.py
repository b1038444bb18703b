"""The load test's image, which drives a platform from outside and plans its size."""

import pytest

from tests.image.containers import Containers

SCENARIO = "chat"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("locust", "--version"), "locust 2."),
        (("causerie", "plan", "--help"), "usage: causerie plan"),
        (("python", "-m", "loadtest", "--list"), SCENARIO),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_it_drives_and_plans(containers: Containers, loadtest_image: str, command: tuple[str, ...], says: str) -> None:
    ran = containers.run(loadtest_image, *command[1:], options=(f"--entrypoint={command[0]}",))

    assert ran.status == 0, ran.err
    assert says in ran.out
