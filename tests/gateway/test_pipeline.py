import asyncio
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.pipeline import MAX_WAITING, Job, Pipeline


class Works:
    """Jobs that begin when the pipeline lets them and end when the test says so."""

    def __init__(self) -> None:
        self.idle = 0
        self.pipeline = Pipeline(self._rest)
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Future[None]] = {}

    def _rest(self) -> None:
        self.idle += 1

    def push(self, name: str, *, together: bool) -> bool:
        return self.pipeline.push(Job(partial(self._begin, name), together))

    def _begin(self, name: str) -> asyncio.Future[None]:
        self.begun.append(name)
        self.ends[name] = asyncio.get_running_loop().create_future()
        return self.ends[name]

    async def end(self, name: str) -> None:
        self.ends.pop(name).set_result(None)
        await asyncio.sleep(0)


async def test_sends_are_under_way_together():
    works = Works()
    for name in ("s1", "s2", "s3"):
        works.push(name, together=True)

    assert works.begun == ["s1", "s2", "s3"]


async def test_any_other_op_waits_for_those_before_it_and_holds_those_behind():
    works = Works()
    works.push("s1", together=True)
    works.push("s2", together=True)
    works.push("read", together=False)
    works.push("s3", together=True)
    await works.end("s2")
    assert works.begun == ["s1", "s2"]

    await works.end("s1")
    assert works.begun == ["s1", "s2", "read"]

    await works.end("read")
    assert works.begun == ["s1", "s2", "read", "s3"]
    assert works.idle == 0
    await works.end("s3")
    assert works.idle == 1


async def test_a_job_without_work_is_over_at_once():
    begun: list[int] = []
    idle: list[None] = []
    pipeline = Pipeline(lambda: idle.append(None))
    for number in range(3):
        pipeline.push(Job(partial(begun.append, number), together=False))

    assert begun == [0, 1, 2]
    assert len(idle) == 3


async def test_a_failed_job_lets_the_next_one_in():
    works = Works()
    works.push("a", together=False)
    works.push("b", together=False)
    works.ends["a"].set_exception(RuntimeError("a bug"))
    works.ends["a"].exception()
    await asyncio.sleep(0)

    assert works.begun == ["a", "b"]


async def test_too_many_waiting_are_refused():
    works = Works()
    works.push("first", together=False)

    assert all(works.push(str(number), together=True) for number in range(MAX_WAITING))
    assert not works.push("one too many", together=True)


async def test_what_was_dropped_never_begins():
    works = Works()
    works.push("a", together=False)
    works.push("b", together=False)
    works.pipeline.drop()
    await works.end("a")

    assert works.begun == ["a"]


@given(st.lists(st.booleans(), max_size=12), st.randoms(use_true_random=False))
def test_jobs_begin_in_the_order_pushed_and_alone_where_they_must(kinds: list[bool], random) -> None:
    async def live() -> None:
        works = Works()
        names = [f"{'s' if together else 'o'}{number}" for number, together in enumerate(kinds)]
        for name, together in zip(names, kinds, strict=True):
            works.push(name, together=together)
            while works.ends and random.random() < 0.5:
                await works.end(random.choice(list(works.ends)))
            others = [under_way for under_way in works.ends if under_way.startswith("o")]
            assert not others or len(works.ends) == 1
        while works.ends:
            await works.end(random.choice(list(works.ends)))
        assert works.begun == names

    asyncio.run(live())
