"""The house of the tests of security, one of its own for these."""

from tests.security.conftest import house, house_environment, own

__all__ = ["house", "house_environment", "own"]
