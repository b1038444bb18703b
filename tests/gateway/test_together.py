import asyncio
from collections.abc import Mapping, Sequence

import pytest

from causerie.domain.errors import Unavailable
from services.gateway.together import MAX_QUESTIONS, Together

ANSWER_SECONDS = 5.0


class Store:
    """Answers a name with its length when it is let, and remembers what was asked in one statement."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answers = asyncio.Event()
        self.trouble: Exception | None = None

    async def ask(self, names: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(names))
        await self.answers.wait()
        if self.trouble is not None:
            raise self.trouble
        return {name: len(name) for name in names if name != "nobody"}


async def begun(together: Together[str, int], *names: str) -> list[asyncio.Task[int | None]]:
    tasks = [asyncio.create_task(together.answer(name)) for name in names]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def told(*waiting: asyncio.Task[int | None]) -> list[int | None | BaseException]:
    async with asyncio.timeout(ANSWER_SECONDS):
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_asks_while_a_question_is_on_its_way_is_asked_for_with_the_others_after_it():
    store = Store()
    together = Together[str, int](store.ask)

    first = await begun(together, "ann")
    others = await begun(together, "benno", "nobody", "ann", "benno")
    store.answers.set()

    assert await told(*first, *others) == [3, 5, None, 3, 5]
    assert store.asked == [["ann"], ["benno", "nobody", "ann"]]


async def test_a_herd_is_asked_for_in_statements_of_a_bounded_size():
    store = Store()
    together = Together[str, int](store.ask)
    store.answers.set()

    await told(*await begun(together, *(f"user {number}" for number in range(2 * MAX_QUESTIONS + 1))))

    assert [len(asked) for asked in store.asked] == [MAX_QUESTIONS, MAX_QUESTIONS, 1]


@pytest.mark.parametrize("trouble", [Unavailable("PostgreSQL is away."), ValueError("a bug")])
async def test_nobody_waits_for_his_turn_with_a_store_that_is_away(trouble: Exception):
    store = Store()
    together = Together[str, int](store.ask)
    store.trouble = trouble

    waiting = [*await begun(together, "ann"), *await begun(together, "benno", "carla")]
    store.answers.set()
    refused = await told(*waiting)

    assert [type(error) for error in refused] == [Unavailable] * 3
    assert store.asked == [["ann"]]

    store.trouble = None
    assert await together.answer("ann") == 3


async def test_who_has_gone_leaves_the_others_their_answer():
    store = Store()
    together = Together[str, int](store.ask)

    gone, stayed = await begun(together, "ann", "ann")
    gone.cancel()
    store.answers.set()

    assert await told(stayed) == [3]
