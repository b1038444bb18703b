"""What the services tell of themselves while a message goes through them: its trace, and how everybody is."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from causerie.client import Client
from causerie.client.conversation import Json
from tests.journeys.fleet import token
from tests.support.collector import Collector, Span, collecting
from tests.support.services import Service, Services, get
from tests.support.waiting import eventually

AS_PROMETHEUS_ASKS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
POST = "POST /v1/conversations/{conversation_id}/messages"
PARTS = ("commit posts", "publish hints", "dispatch", "deliver")
MESSAGES = 5
STORY_SECONDS = 2.0


@dataclass(frozen=True)
class Platform:
    """One of each service, and the collector that they push their spans to."""

    api: Service
    worker: Service
    gateway: Service
    collector: Collector

    @asynccontextmanager
    async def client(self, user: str) -> AsyncIterator[Client]:
        doors = {"gateways": [self.gateway.ws_url], "apis": [self.api.url]}
        async with Client(user, lambda: token(user), **doors) as client:
            yield client

    def story(self, entry: str, *, since: float) -> dict[str, Span]:
        """The spans of the latest trace that began with this entry, by name; empty while a part is missing."""
        begun = [span for span in self.collector.spans if span.name == entry and not span.parent_id]
        entries = [span for span in begun if span.began >= since]
        if not entries:
            return {}
        told = {span.name: span for span in self.collector.spans if span.trace_id == entries[-1].trace_id}
        return told if told.keys() >= {entry, *PARTS} else {}

    async def followed(self, author: Client, reader: Client, chat: str, entry: str) -> tuple[Json, dict[str, Span]]:
        """A message that has reached its reader, and its story.

        A worker that finds one in the log before it is told of it knows no trace of it; then the next one is sent.
        """
        for _ in range(MESSAGES):
            since = time.time()
            sent = await author.send(chat, "follow me", by_rest=entry == POST)
            await reader.until(lambda model, sent=sent: sent["id"] in model.conversations[chat].messages)
            with suppress(AssertionError):
                story = partial(self.story, entry, since=since)
                return sent, await eventually(story, timeout_seconds=STORY_SECONDS)
        raise AssertionError(f"none of {MESSAGES} messages was followed; came: {self.collector.spans}")


@pytest.fixture(scope="module")
def platform(module_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with collecting() as collector:
        with Services(module_environment | collector.environment(), tmp_path_factory.mktemp("services")) as services:

            async def start() -> list[Service]:
                return [await services.start(name) for name in ("api", "worker", "gateway")]

            yield Platform(*asyncio.run(start()), collector)


async def exemplars(gateway: Service) -> set[str]:
    """The traces that the gateway's delivery times name."""
    answer = await get(gateway.health_port, "/metrics", Accept=AS_PROMETHEUS_ASKS)
    assert answer is not None
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    samples = families["causerie_delivery_duration_seconds"].samples
    return {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}


@pytest.mark.parametrize(("entry", "service"), [(POST, "causerie-api"), ("op send", "causerie-gateway")])
async def test_a_message_is_followed_from_its_request_to_its_readers_sockets(
    platform: Platform, entry: str, service: str
):
    async with platform.client("ann") as ann, platform.client("ben") as ben:
        chat = (await ann.open("direct", ["ben"]))["id"]
        await ben.until(lambda model: chat in model.conversations)

        sent, told = await platform.followed(ann, ben, chat, entry)

    request, commit, publish, dispatch, deliver = [told[name] for name in (entry, *PARTS)]
    assert [span.service for span in (request, commit, publish)] == [service] * 3
    assert (dispatch.service, deliver.service) == ("causerie-worker", "causerie-gateway")
    assert commit.attributes["db.system.name"] == "postgresql"
    assert publish.attributes["messaging.system"] == "nats"
    assert deliver.attributes["causerie.seqs"] == [sent["seq"]]
    # Each goes on with the one before, and names it as each of a larger batch would be named.
    above = [span.parent_id for span in (commit, publish, dispatch, deliver)]
    assert above == [request.span_id, commit.span_id, commit.span_id, dispatch.span_id]
    assert dispatch.links == {commit.span_id} and deliver.links == {dispatch.span_id}
    assert request.began <= commit.began <= publish.began <= dispatch.began <= deliver.began < deliver.ended

    async def is_named() -> bool:
        return request.trace_id in await exemplars(platform.gateway)

    await eventually(is_named)


EVERYBODY = (
    'causerie_build_info{version="0.1.0"}',
    'causerie_store_up{store="postgresql"}',
    'causerie_store_up{store="redis"}',
    'causerie_store_up{store="nats"}',
    "db_client_connection_max",
    'db_client_connection_count{db_client_connection_state="idle"}',
    "db_client_connection_wait_time_seconds_count",
    "causerie_cache_slots",
    'causerie_bus_messages_total{direction="out"}',
    'causerie_bus_traffic_bytes_total{direction="out"}',
    "process_open_file_descriptor_count",
    "process_memory_usage_bytes",
)
"""Series that are not 0 in any service that works."""
SOMEBODY = {
    "api": (
        "causerie_posts_batch_size_count",
        "causerie_messages_accepted_total",
        'causerie_cache_reads_total{result="miss"}',
        'causerie_cache_reads_total{result="hit"}',
        'causerie_task_age_seconds{task="store_watch"}',
    ),
    "gateway": (
        'causerie_bus_messages_total{direction="in"}',
        'causerie_bus_traffic_bytes_total{direction="in"}',
        'causerie_gateway_connections{dialect="native"}',
        "causerie_gateway_max_connections",
        'causerie_gateway_handshakes_total{result="accepted"}',
        "causerie_gateway_handshake_duration_seconds_count",
        "causerie_gateway_entry_duration_seconds_count",
        'causerie_gateway_op_duration_seconds_count{op="send"}',
        'causerie_gateway_op_duration_seconds_count{op="sync"}',
        "causerie_gateway_sent_bytes_total",
        "causerie_gateway_deliveries_total",
        "causerie_delivery_duration_seconds_count",
        "causerie_posts_batch_size_count",
        "causerie_fleet_gateways",
        "causerie_fleet_mean_connections",
        'causerie_task_age_seconds{task="store_watch"}',
        'causerie_task_age_seconds{task="node_beat"}',
        'causerie_task_age_seconds{task="presence_lease"}',
        'causerie_task_age_seconds{task="presence_changes"}',
    ),
    "worker": (
        "causerie_worker_shards",
        "causerie_worker_nodes",
        "causerie_worker_replays_total",
        "causerie_dispatch_events_total",
        "causerie_partition_months_ahead",
        'causerie_partition_upkeep_last_success_seconds{task="ensure"}',
        'causerie_task_age_seconds{task="leases"}',
        'causerie_task_age_seconds{task="worker_beat"}',
        'causerie_task_age_seconds{task="log_tail"}',
        'causerie_task_age_seconds{task="presence_sweep"}',
        'causerie_task_age_seconds{task="partition_watch"}',
    ),
}


@pytest.mark.parametrize("name", SOMEBODY)
async def test_who_works_shows_it(platform: Platform, name: str):
    """A series that stays 0 whatever happens is a panel that lies."""
    service: Service = getattr(platform, name)
    async with platform.client("cai") as cai:
        chat = (await cai.open("direct", ["dan"]))["id"]
        await cai.send(chat, "one", by_rest=True)
        await cai.send(chat, "two")
        for _ in range(2):
            await cai.history(chat)

        async def silent() -> set[str]:
            shown = {
                series
                for series, value in re.findall(r"^(\S+) (\S+)$", await service.metrics(), re.MULTILINE)
                if float(value) != 0
            }
            return {*EVERYBODY, *SOMEBODY[name]} - shown

        async def all_speak() -> bool:
            missing = await silent()
            assert not missing, missing
            return True

        await eventually(all_speak)
