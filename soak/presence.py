"""Who is shown online: users that vanished must be gone in time, and users that are there must be seen.

Only what the API answers counts, so an outage of the answer itself is waited out.
"""

import asyncio
from collections.abc import Sequence

from causerie.client import Client, ClientError

GHOST_SECONDS = 45.0
"""What the contract promises after somebody vanished without a word."""
PATIENCE_SECONDS = 60.0
"""How much longer than that an API that does not answer is asked again."""
POLL_SECONDS = 0.5


async def wrongly_shown(asker: Client, names: Sequence[str], *, online: bool) -> list[str]:
    """Those of `names` who are still not shown as they should be when the time is up; usually nobody, and early."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    wrong = list(names)
    while wrong:
        wrong_for = loop.time() - began
        try:
            found = await asker.rest.check_online(wrong)
        except ClientError:
            if wrong_for > GHOST_SECONDS + PATIENCE_SECONDS:
                raise
        else:
            wrong = [name for name in wrong if (found[name]["status"] != "offline") is not online]
            if wrong_for > GHOST_SECONDS:
                break
        await asyncio.sleep(POLL_SECONDS)
    return wrong
