"""The images that are proved: those of `IMAGE` and `LOADTEST_IMAGE`, else built from this checkout."""

import os

import pytest

from tests.image.containers import Containers


@pytest.fixture(scope="session")
def containers() -> Containers:
    return Containers.found()


@pytest.fixture(scope="session")
def image(containers: Containers) -> str:
    return os.environ.get("IMAGE") or containers.build("causerie", "localhost/causerie/causerie:proof")


@pytest.fixture(scope="session")
def loadtest_image(containers: Containers) -> str:
    named = os.environ.get("LOADTEST_IMAGE")
    return named or containers.build("loadtest", "localhost/causerie/causerie-loadtest:proof")
