"""What stopped readers cost the others, and the gateway: p99 beside the others' own baseline, memory beside its cap.

Four hundred sockets of one gateway hear a steady stream.  Then one in twenty stops reading and one more takes a byte
a second, until the gateway has sent them all away; the others are measured before and meanwhile, in the same run.
"""

import asyncio
import json
import os
import re
import socket
import time
from contextlib import suppress

import psutil

from bench.raw_socket import RawSocket, client_frame, connect_all
from bench.report import Report, percentile
from bench.stage import Stage, run, seed_groups
from tests.support.services import Service

USERS = 25
SESSIONS = 16
STOPPED = 20
PER_SECOND = 20
CONTENT_BYTES = 4_096
BASELINE_SECONDS = 15.0
LIMIT_SECONDS = 25.0
CAP_BYTES = 1024 * 1024
"""CAUSERIE_SLOW_QUEUE_BYTES."""
_BAR = 1.25
_RECEIVE_BUFFER_BYTES = 4_096
_MARK = b'"content":"'


class Audience:
    """Latencies from our own clock in the text to the read on each measured socket."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.unmeasured: set[int] = set()

    def on_text(self, heard_by: RawSocket, text: bytes) -> None:
        place = text.find(_MARK)
        if place >= 0 and heard_by.index not in self.unmeasured:
            place += len(_MARK)
            self.latencies.append(time.monotonic() - float(text[place : text.index(b" ", place)]))


async def measure(stage: Stage) -> Report:
    worker, gateway = await asyncio.gather(stage.services.start("worker"), stage.services.start("gateway"))
    [(group, users)] = await seed_groups(stage.stores.database_url, 1, USERS + 1)
    audience = Audience()
    sockets = await connect_all(
        ((place, stage.token(users[place // SESSIONS]), gateway.port) for place in range(USERS * SESSIONS)),
        audience.on_text,
    )
    [author] = await connect_all([(-1, stage.token(users[-1]), gateway.port)], lambda heard_by, text: None)
    process = psutil.Process(gateway.pid)
    await talk(author, str(group), 3.0)

    audience.latencies = []
    await talk(author, str(group), BASELINE_SECONDS)
    before, calm = process.memory_info().rss, audience.latencies

    stopped = [sockets[user * SESSIONS] for user in range(STOPPED)]
    trickle = sockets[1]
    for one in (*stopped, trickle):
        audience.unmeasured.add(one.index)
        one.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        one.transport.pause_reading()
    audience.latencies = []
    most, seconds = before, 0.0
    while (closed := await sent_away(gateway)) < STOPPED + 1 and seconds < LIMIT_SECONDS:
        with suppress(OSError):
            os.read(trickle.transport.get_extra_info("socket").fileno(), 1)
        await talk(author, str(group), 1.0)
        seconds += 1.0
        most = max(most, process.memory_info().rss)
    calm, meanwhile = sorted(calm), sorted(audience.latencies)
    ratio = percentile(meanwhile, 0.99) / percentile(calm, 0.99)
    for one in (*sockets, author):
        one.transport.abort()
    assert worker.running
    return Report(
        "slow_readers",
        "what readers who stop cost the others",
        ("others, ms", "before", "meanwhile", "ratio"),
        [
            (
                name,
                round(1000 * percentile(calm, share), 2),
                round(1000 * percentile(meanwhile, share), 2),
                round(percentile(meanwhile, share) / percentile(calm, share), 2),
            )
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ],
        notes=(
            f"{len(sockets)} sockets, {PER_SECOND} messages of {CONTENT_BYTES:,} bytes a second; "
            f"{STOPPED} stop, one takes a byte a second",
            f"sent away: {closed:.0f} of {STOPPED + 1} within {seconds:.0f} s",
            f"memory per stopped reader: {(most - before) / (STOPPED + 1) / 1024:,.0f} KiB, capped at "
            f"{CAP_BYTES // 1024:,}; readers share the bytes of a frame",
            f"p99 ratio {ratio:.2f}: {'within' if ratio <= _BAR else 'beyond'} the bar of {_BAR}",
        ),
    )


async def talk(author: RawSocket, group: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(seconds * PER_SECOND)):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - loop.time()))
        content = f"{time.monotonic():.6f} " + "x" * CONTENT_BYTES
        asked = {"op": "send", "conversation_id": group, "content": content}
        author.transport.write(client_frame(json.dumps(asked).encode()))


async def sent_away(gateway: Service) -> float:
    found = re.search(r'^causerie_gateway_closes_total\{reason="slow"\} (\S+)$', await gateway.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


if __name__ == "__main__":
    run(measure)
