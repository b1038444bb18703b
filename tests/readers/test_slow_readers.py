"""Those who stop reading cost the others nothing: they are sent away, and come back to what they missed."""

from typing import Any

from websockets.asyncio.client import connect

from causerie.actions.platform import Platform
from tests.gateway.client import Client, token_of
from tests.poison.lab import number
from tests.readers.conftest import SLOW_SECONDS
from tests.readers.crowd import SESSIONS, Crowd, crowd, percentile
from tests.support.services import Service
from tests.support.waiting import eventually

USERS = 25
STOPPED = 20
PER_SECOND = 20
MESSAGE_BYTES = 4_096
BASELINE_SECONDS = 3.0
TRICKLES = 1
GENEROUS = 3.0
"""Timed on whatever machine runs the tests; the bar of 1.25 is for `python -m bench slow_readers`."""
NOISE_SECONDS = 0.03
"""Below this a quantile on a shared machine says nothing."""
CLOSE_SECONDS = 20.0
QUEUE_BYTES = 1024 * 1024


async def test_one_in_twenty_stops_reading_and_the_others_do_not_notice(platform: Platform, gateway: Service) -> None:
    async with crowd(platform, gateway, "slow", USERS) as (everybody, author):
        await everybody.enter(USERS * SESSIONS)
        stopped = [user * SESSIONS for user in range(STOPPED)]
        cursors = {place: await cursor_of(everybody, place) for place in stopped}
        baseline = await everybody.listen(author, per_second=PER_SECOND, seconds=BASELINE_SECONDS, size=MESSAGE_BYTES)

        trickles = [1 + place for place in range(TRICKLES)]
        for place in [*stopped, *trickles]:
            everybody.stop_reading(place)
        meanwhile, most_held = await listen_until_closed(everybody, author, trickles, len(stopped) + TRICKLES)

        assert percentile(meanwhile, 0.99) <= GENEROUS * max(percentile(baseline, 0.99), NOISE_SECONDS)
        assert most_held <= len(stopped) * QUEUE_BYTES
        others = set(range(USERS * SESSIONS)) - {*stopped, *trickles}
        await eventually(lambda: everybody.heard_everything(others))
        assert not any(everybody.sockets[place].lost for place in others)
        assert number(await gateway.metrics(), "causerie_gateway_send_queue_bytes") == 0

        # Whoever wakes up within the farewell reads why; then all come back to what they missed.
        for place in stopped:
            everybody.read_on(place)
        await eventually(lambda: all(everybody.sockets[place].lost for place in stopped))
        assert {everybody.codes.get(place) for place in stopped} == {4008}
        for place in stopped:
            missed = await resume(everybody, place, cursors[place])
            assert missed == list(range(missed[0], everybody.seqs[2][-1] + 1))
            assert missed[0] <= everybody.seqs[place][-1] + 1


async def listen_until_closed(crowd: Crowd, author: Any, trickles: list[int], closes: int) -> tuple[list[float], float]:
    """Go on talking until so many were sent away for being slow; also how much was held for them at most."""
    latencies: list[float] = []
    most_held = 0.0
    seconds = 0.0
    series = 'causerie_gateway_closes_total{reason="slow"}'
    while number(metrics := await crowd.gateway.metrics(), series) < closes:
        assert seconds < CLOSE_SECONDS, "slow readers stay"
        for place in trickles:
            crowd.read_byte(place)
        latencies += await crowd.listen(author, per_second=PER_SECOND, seconds=1.0, size=MESSAGE_BYTES)
        most_held = max(most_held, number(metrics, "causerie_gateway_send_queue_bytes"))
        seconds += 1.0
    assert seconds >= SLOW_SECONDS, "they were sent away too soon"
    assert most_held > 0
    return latencies, most_held


async def cursor_of(crowd: Crowd, place: int) -> str:
    """Where the user stands now."""
    url = crowd.gateway.ws_url + "/ws"
    async with connect(url, additional_headers={"Authorization": f"Bearer {token_of(crowd.user_of(place))}"}) as socket:
        return str((await Client(socket).do("sync"))["next_cursor"])


async def resume(crowd: Crowd, place: int, cursor: str) -> list[int]:
    """Come back with the cursor, as a client does, and read page by page; returns the seqs of the group."""
    url = crowd.gateway.ws_url + "/ws"
    seqs: list[int] = []
    async with connect(url, additional_headers={"Authorization": f"Bearer {token_of(crowd.user_of(place))}"}) as socket:
        client = Client(socket)
        while True:
            page = await client.do("sync", cursor=cursor)
            seqs += [event["seq"] for event in page["events"] if event["conversation_id"] == crowd.group]
            if not page["has_more"]:
                return seqs
            cursor = page["next_cursor"]
