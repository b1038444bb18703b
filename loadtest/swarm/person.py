"""One of those who take part, as small as can be: there are 15,000 of them in a process."""

import asyncio

from loadtest.swarm.socket import Socket


class Person:
    """`number` is his in the whole test; `came` is done when he is in, or why not."""

    __slots__ = ("batch", "channels", "coming", "cursor", "hops", "is_present", "name", "number", "opening", "socket")

    def __init__(self, number: int, name: str, batch: int) -> None:
        self.number = number
        self.name = name
        self.batch = batch
        self.socket: Socket | None = None
        self.is_present = False
        """He is in and has caught up: he may talk, and what others say must reach him."""
        self.opening: asyncio.Future[None] | None = None
        self.coming: asyncio.Task[None] | None = None
        self.cursor: str | None = None
        self.hops = 0
        """How often he was not wanted where he was: a proxy would have sent him elsewhere."""
        self.channels: tuple[str, ...] = ()


class Postponed(Exception):
    """The gateway has no room just now and said when to come back."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__("postponed")
        self.seconds = seconds


class Failed(Exception):
    """An attempt to come in that did not work; the message is for the statistics, so it has few forms."""
