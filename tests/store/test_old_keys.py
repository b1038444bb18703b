"""A key is kept by weeks, and is good for seven days at least: also over the turn of a week."""

from causerie.domain.ids import ConversationId
from causerie.store import Store
from tests.store.conftest import a_draft


async def test_a_send_repeated_in_the_next_week_gives_the_first_message(store: Store, group: ConversationId) -> None:
    first = await store.posts.submit(a_draft(group, client_id="k1"))
    async with store.connection() as connection:
        await connection.execute("UPDATE send_keys SET week = week - 7")

    again = await store.posts.submit(a_draft(group, client_id="k1"))

    assert (again.message, again.replayed) == (first.message, True)
