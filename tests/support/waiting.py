"""Waiting for something to become true, with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02
LEAST_POLLS = 20
"""Before time is up: who sleeps through the deadline, as a machine shared with others does, has not waited."""


async def eventually(
    condition: Callable[[], T | Awaitable[T]], *, timeout_seconds: float = 10.0, what: str | None = None
) -> T:
    """The first true answer of the condition; it may be a coroutine function.

    `AssertionError` from the condition counts as "not yet" and is the one raised when time is up.
    """
    deadline = time.monotonic() + timeout_seconds
    polls = 0
    while True:
        polls += 1
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            asked = condition()
            answer = await asked if inspect.isawaitable(asked) else asked
        except AssertionError as error:
            failure = error
        if failure is None and answer:
            return answer
        if polls >= LEAST_POLLS and time.monotonic() > deadline:
            raise failure or AssertionError(f"not within {timeout_seconds:g} s: {what or condition}; last: {answer!r}")
        await asyncio.sleep(POLL_SECONDS)
