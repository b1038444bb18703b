"""Tests that fail, for `test_stalls.py` to run: the machine, as far as they can tell, stands still in some of them."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

STEPS = Path(os.environ["STEPS"])
STANDS_STILL = "kill -STOP $PPID; sleep 0.6; kill -CONT $PPID"
"""Stopped, a process sees of the world what it sees when the machine is gone: a clock that has jumped."""


def stand_still() -> None:
    subprocess.run(["sh", "-c", STANDS_STILL], check=True)


def steps(name: str) -> int:
    """Note a step; how often it was taken by now."""
    with STEPS.open("a") as noted:
        noted.write(f"{name}\n")
    return STEPS.read_text().splitlines().count(name)


@pytest.fixture(scope="session")
def world() -> Iterator[None]:
    steps("world made")
    yield
    steps("world gone")


@pytest.fixture(scope="module")
def half_made(world: None) -> Iterator[None]:
    if steps("half made") == 1:
        stand_still()
        raise RuntimeError("not within 0.5 s")
    yield


async def test_that_passes_the_second_time():
    if steps("passes the second time") == 1:
        stand_still()
        raise AssertionError("too late for a deadline")


async def test_that_fails_by_a_fixture_of_all(half_made: None):
    steps("has its fixture")


def test_that_fails_both_times():
    if steps("fails both times") == 1:
        stand_still()
    raise AssertionError("a flaw")


def test_that_fails_while_the_machine_stands_still_again():
    steps("fails while it stands still again")
    stand_still()
    raise AssertionError("too late for a deadline, once more")


@pytest.mark.timeout(1)
def test_that_hangs():
    if steps("hangs") == 1:
        stand_still()
    threading.Event().wait(5)
    steps("hangs for ever")


def test_that_fails_on_a_calm_machine():
    steps("fails on a calm machine")
    raise AssertionError("a flaw that shows now and then")


def test_that_passes_all_the_same():
    steps("passes all the same")
    stand_still()


@pytest.fixture
def fails_at_the_end() -> Iterator[None]:
    yield
    if steps("fails at the end") == 1:
        raise RuntimeError("could not stop")


def test_whose_fixture_fails_for_the_same_reason(fails_at_the_end: None):
    if steps("fails twice for one reason") == 1:
        stand_still()
        raise AssertionError("too late for a deadline")
