"""One message's trace, recorded on the real services and drawn: `python -m bench.trace`, or `--draw` from what is kept.

Somebody writes to a group by the API; its readers sit on two gateways.  Of some messages the one is kept whose way
took the median time, so that the picture shows neither luck nor a hiccup.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from bench import svg
from bench.stage import Stage, stage
from causerie.client import Client
from tests.support.collector import Collector, Span, collecting
from tests.support.waiting import eventually

PICTURE = Path("docs/observability/trace.svg")
RECORD = Path("docs/observability/trace.json")
ENTRY = "POST /v1/conversations/{conversation_id}/messages"
MESSAGES = 21
GATEWAYS = 2
READERS = 6

_LEFT, _TOP, _STEP, _BAR = 132, 92, 46, 18


@dataclass(frozen=True)
class Part:
    """One span; times in milliseconds from the beginning of the request."""

    service: str
    name: str
    began_ms: float
    ended_ms: float

    @property
    def took_ms(self) -> float:
        return self.ended_ms - self.began_ms


@dataclass(frozen=True)
class Story:
    """One message's trace, and how busy the machine was."""

    trace_id: str
    load: float
    parts: Sequence[Part]

    def named(self, name: str) -> list[Part]:
        return sorted((part for part in self.parts if part.name == name), key=lambda part: part.began_ms)

    @property
    def took_ms(self) -> float:
        return max(part.ended_ms for part in self.parts)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, text: str) -> "Story":
        kept = json.loads(text)
        return cls(kept["trace_id"], kept["load"], [Part(**part) for part in kept["parts"]])


def stories(spans: Sequence[Span]) -> list[Story]:
    """The traces that are whole: both gateways have written."""
    found: list[Story] = []
    for entry in spans:
        if entry.name != ENTRY:
            continue
        parts = [
            Part(
                span.service.removeprefix("causerie-"),
                span.name,
                round((span.began - entry.began) * 1000, 3),
                round((span.ended - entry.began) * 1000, 3),
            )
            for span in spans
            if span.trace_id == entry.trace_id
        ]
        if sum(part.name == "deliver" for part in parts) == GATEWAYS:
            found.append(Story(entry.trace_id, round(os.getloadavg()[0], 1), parts))
    return found


async def record(platform: Stage, collector: Collector) -> Story:
    """Send some messages, one after the other, and return the median of their traces."""
    own = collector.environment()
    api, _ = [await platform.services.start(name, **own) for name in ("api", "worker")]
    gateways = [await platform.services.start("gateway", **own) for _ in range(GATEWAYS)]
    users = [f"user{number}" for number in range(READERS)]
    async with AsyncExitStack() as rooms:
        clients = [
            await rooms.enter_async_context(
                Client(user, platform.token(user), gateways=[gateways[n % GATEWAYS].ws_url], apis=[api.url])
            )
            for n, user in enumerate(users)
        ]
        author = clients[0]
        group = (await author.open("group", users[1:], name="trace"))["id"]
        for number in range(MESSAGES):
            sent = await author.send(group, f"message {number}", by_rest=True)
            for client in clients:
                await client.until(
                    lambda model, wanted=sent["seq"]: (
                        group in model.conversations and model.conversations[group].last >= wanted
                    )
                )
        whole = await eventually(
            lambda: [stories(collector.spans)] if len(stories(collector.spans)) >= MESSAGES else []
        )
    return sorted(whole[0], key=lambda story: story.took_ms)[MESSAGES // 2]


def draw(story: Story) -> str:
    """The same story always makes the same file."""
    (request,), (commit,), (publish,) = story.named(ENTRY), story.named("commit posts"), story.named("publish hints")
    (dispatch,), delivers = story.named("dispatch"), story.named("deliver")
    ticks = svg.ticks(0.0, story.took_ms)
    scale = (svg.WIDTH - _LEFT - 40) / ticks[-1]
    lanes = ["API", "PostgreSQL", "NATS", "Worker", "NATS", *(f"Gateway {n + 1}" for n in range(len(delivers)))]
    bottom = _TOP + _STEP * len(lanes)

    def x(ms: float) -> float:
        return _LEFT + ms * scale

    def bar(lane: int, began: float, ended: float, color: str, words: str) -> list[str]:
        top, width = _TOP + lane * _STEP + 20, max(2.0, (ended - began) * scale)
        said = f"{words}, {ended - began:.2f} ms"
        # To the left of its end where it would leave the picture.
        is_late = x(began) > (svg.WIDTH + _LEFT) / 2
        place, anchor = (x(ended), "end") if is_late else (x(began), "start")
        return [
            f'<rect class="{color}" x="{x(began):.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="3"/>',
            svg.text(place, top - 5, said, "small halo", anchor),
        ]

    def down(ms: float, lane: int, to_lane: int) -> str:
        return svg.line(x(ms), _TOP + lane * _STEP + 20 + _BAR, x(ms), _TOP + to_lane * _STEP + 20, "bound")

    parts = [
        svg.text(20, 30, "The way of one message", "title ink"),
        svg.text(20, 52, f"trace {story.trace_id}", "small"),
        svg.text(20, 70, f"written by the API, read by {READERS} people on {GATEWAYS} gateways", "small"),
    ]
    for tick in ticks:
        parts += [
            svg.line(x(tick), _TOP, x(tick), bottom, "frame"),
            svg.text(x(tick), bottom + 18, svg.short(tick), "small", "middle"),
        ]
    parts.append(svg.text(x(ticks[-1] / 2), bottom + 38, "milliseconds since the request", "small", "middle"))
    parts += [svg.text(_LEFT - 12, _TOP + n * _STEP + 34, name, "ink", "end") for n, name in enumerate(lanes)]
    parts += [down(commit.began_ms, 0, 1), down(publish.began_ms, 1, 2), down(dispatch.began_ms, 2, 3)]
    parts.append(down(dispatch.ended_ms, 3, 4))
    parts += [down(deliver.began_ms, 4, 5 + n) for n, deliver in enumerate(delivers)]
    parts += bar(0, request.began_ms, request.ended_ms, "blue", "request, with its answer")
    parts += bar(1, commit.began_ms, commit.ended_ms, "green", "commit posts")
    parts += bar(2, publish.began_ms, dispatch.began_ms, "grey", "the hint on its way")
    parts += bar(3, dispatch.began_ms, dispatch.ended_ms, "orange", "dispatch")
    parts += bar(4, dispatch.ended_ms, max(part.began_ms for part in delivers), "grey", "one batch to each gateway")
    for n, deliver in enumerate(delivers):
        parts += bar(5 + n, deliver.began_ms, deliver.ended_ms, "blue", "deliver, until written to its sockets")
    return svg.picture("The way of one message", bottom + 54, parts)


async def main(*, only_draw: bool) -> None:
    if not only_draw:
        with collecting() as collector:
            async with asyncio.timeout(300), stage() as platform:
                story = await record(platform, collector)
        RECORD.write_text(story.as_json())
    story = Story.read(RECORD.read_text())
    PICTURE.write_text(draw(story))
    print(f"{PICTURE}: {story.took_ms:.1f} ms, load {story.load}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="only draw what was recorded")
    uvloop.run(main(only_draw=parser.parse_args().draw))
