"""Those who stop reading cost the others nothing: they are sent away, and come back to what they missed.

How late the others hear meanwhile is for `python -m bench slow_readers`, which has the machine for itself.
"""

import asyncio

from websockets.asyncio.client import connect

from bench.raw_socket import RawSocket
from causerie.actions.platform import Platform
from tests.gateway.client import Client, token_of
from tests.poison.lab import number
from tests.readers.crowd import SESSIONS, Crowd, crowd
from tests.support.services import Service, Services
from tests.support.waiting import eventually

USERS = 25
STOPPED = 20
PER_SECOND = 20
FAST_PER_SECOND = 80
MESSAGE_BYTES = 4_096
TRICKLES = 1
CLOSE_SECONDS = 40.0
QUEUE_BYTES = 1024 * 1024
SMALL_QUEUE_BYTES = 512 * 1024
FRAME_BYTES = MESSAGE_BYTES + 1024
"""Of a message with all that stands around its text, at most."""


async def test_one_in_twenty_stops_reading_and_the_others_lose_nothing(platform: Platform, gateway: Service) -> None:
    async with crowd(platform, gateway, "slow", USERS) as (everybody, author):
        await everybody.enter(USERS * SESSIONS)
        stopped = [user * SESSIONS for user in range(STOPPED)]
        cursors = await asyncio.gather(*(cursor_of(everybody, place) for place in stopped))

        trickles = [1 + place for place in range(TRICKLES)]
        for place in [*stopped, *trickles]:
            everybody.stop_reading(place)
        most_held = await listen_until_closed(everybody, author, trickles, len(stopped) + TRICKLES)

        # Whoever wakes up within the farewell reads why.
        for place in stopped:
            everybody.read_on(place)
        await eventually(lambda: all(everybody.sockets[place].lost for place in stopped), timeout_seconds=30)
        told = {everybody.codes[place] for place in stopped if place in everybody.codes}
        assert told == {4008}

        assert 0 < most_held <= (len(stopped) + TRICKLES) * (QUEUE_BYTES + FRAME_BYTES)
        others = set(range(USERS * SESSIONS)) - {*stopped, *trickles}
        await eventually(lambda: everybody.heard_everything(others), timeout_seconds=30)
        assert number(await gateway.metrics(), "causerie_gateway_send_queue_bytes") == 0

        # All come back to what they missed.
        asked = (resume(everybody, place, cursor) for place, cursor in zip(stopped, cursors, strict=True))
        for place, missed in zip(stopped, await asyncio.gather(*asked), strict=True):
            assert missed == list(range(missed[0], everybody.seqs[2][-1] + 1))
            assert missed[0] <= everybody.seqs[place][-1] + 1


async def test_however_patient_a_reader_is_sent_away_when_his_queue_is_full(platform: Platform, own: Services) -> None:
    settings = {"CAUSERIE_SLOW_SECONDS": "600", "CAUSERIE_SLOW_QUEUE_BYTES": str(SMALL_QUEUE_BYTES)}
    gateway = await own.start("gateway", **settings)
    async with crowd(platform, gateway, "full", 2) as (everybody, author):
        await everybody.enter(2 * SESSIONS)
        stopped = [0, 1, SESSIONS]
        for place in stopped:
            everybody.stop_reading(place)

        most_held = await listen_until_closed(everybody, author, [], len(stopped), per_second=FAST_PER_SECOND)

        assert most_held <= len(stopped) * (SMALL_QUEUE_BYTES + FRAME_BYTES)
        others = set(range(2 * SESSIONS)) - set(stopped)
        await eventually(lambda: everybody.heard_everything(others), timeout_seconds=30)
        assert number(await gateway.metrics(), "causerie_gateway_send_queue_bytes") == 0


async def listen_until_closed(
    crowd: Crowd, author: RawSocket, trickles: list[int], closes: int, *, per_second: float = PER_SECOND
) -> float:
    """Go on talking until so many were sent away for being slow; returns how much was held for them at most."""
    most_held = 0.0
    seconds = 0.0
    series = 'causerie_gateway_closes_total{reason="slow"}'
    while number(metrics := await crowd.gateway.metrics(), series) < closes:
        assert seconds < CLOSE_SECONDS, "slow readers stay"
        for place in trickles:
            crowd.read_byte(place)
        await crowd.listen(author, per_second=per_second, seconds=0.5, size=MESSAGE_BYTES)
        most_held = max(most_held, number(metrics, "causerie_gateway_send_queue_bytes"))
        seconds += 0.5
    return most_held


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
