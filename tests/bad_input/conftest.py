"""The house of the tests of security, one of its own for these, and a stage in it."""

import asyncio

import pytest

from tests.security.conftest import house, house_environment, own
from tests.security.house import House
from tests.security.http import client_of
from tests.security.stage import Stage, a_stage

__all__ = ["house", "house_environment", "own"]


@pytest.fixture(scope="module")
def stage(house: House) -> Stage:
    """One for all of a module: what these may change there does no harm to the next, and the others may nothing."""

    async def make() -> Stage:
        async with client_of(house.api.url) as http:
            return await a_stage(http, "group")

    return asyncio.run(make())
