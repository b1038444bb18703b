"""A request that is made until there is an answer. What is asked has a key, so it takes effect once."""

import asyncio
from collections.abc import Awaitable, Callable

from causerie.client.backoff import Backoff
from causerie.client.conversation import Json
from causerie.client.errors import ClientError, Refused

BASE_SECONDS, CAP_SECONDS = 0.1, 2.0


async def insist(once: Callable[[], Awaitable[Json]], *, deadline_seconds: float, random: Callable[[], float]) -> Json:
    """
    Raises:
        Refused: trying again would not help.
        ClientError: the last one, when another attempt would come after the deadline.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_seconds
    backoff = Backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS)
    while True:
        try:
            return await once()
        except ClientError as error:
            if isinstance(error, Refused) and not (error.retryable or error.unknown):
                raise
            delay = backoff.failed(error.retry_after_seconds)
            if loop.time() + delay > deadline:
                raise
        await asyncio.sleep(delay)
