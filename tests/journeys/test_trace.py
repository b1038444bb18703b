"""One message's trace can be followed through everything: request, PostgreSQL, NATS, worker, the gateway's write."""

from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from causerie.client import Client
from tests.journeys.fleet import token
from tests.support.collector import Collector, Span, collecting
from tests.support.services import Service, Services, get
from tests.support.waiting import eventually

AS_PROMETHEUS_ASKS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PARTS = ("commit posts", "publish hints", "dispatch", "deliver")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def story(collector: Collector, entry: str) -> dict[str, Span]:
    """The spans of the latest trace that began with this entry, by name; empty while one of the parts is missing."""
    entries = [span for span in collector.spans if span.name == entry and not span.parent_id]
    if not entries:
        return {}
    told = {span.name: span for span in collector.spans if span.trace_id == entries[-1].trace_id}
    return told if told.keys() >= {entry, *PARTS} else {}


async def exemplars(gateway: Service) -> set[str]:
    """The traces that the gateway's delivery times name."""
    answer = await get(gateway.health_port, "/metrics", Accept=AS_PROMETHEUS_ASKS)
    assert answer is not None
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    samples = families["causerie_delivery_duration_seconds"].samples
    return {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}


async def test_a_message_is_followed_from_its_request_to_its_readers_sockets(services: Services, collector: Collector):
    own = collector.environment()
    api, worker, gateway = [await services.start(name, **own) for name in ("api", "worker", "gateway")]
    doors = {"gateways": [gateway.ws_url], "apis": [api.url]}
    async with Client("ann", lambda: token("ann"), **doors) as ann, Client("ben", lambda: token("ben"), **doors) as ben:
        chat = (await ann.open("direct", ["ben"]))["id"]
        await ben.until(lambda model: chat in model.conversations)

        for seq, (by_rest, entry, service) in enumerate(
            [
                (True, "POST /v1/conversations/{conversation_id}/messages", "causerie-api"),
                (False, "op send", "causerie-gateway"),
            ],
            start=2,
        ):
            await ann.send(chat, "follow me", by_rest=by_rest)
            await ben.until(lambda model, seq=seq: model.conversations[chat].last == seq)
            told = await eventually(lambda entry=entry: story(collector, entry))

            request, commit, publish, dispatch, deliver = [told[name] for name in (entry, *PARTS)]
            assert [span.service for span in (request, commit, publish)] == [service] * 3
            assert (dispatch.service, deliver.service) == ("causerie-worker", "causerie-gateway")
            assert commit.attributes["db.system.name"] == "postgresql"
            assert publish.attributes["messaging.system"] == "nats"
            assert deliver.attributes["causerie.seqs"] == [seq]
            # Each goes on with the one before, and names it as the many of a larger batch would be named.
            assert [span.parent_id for span in (commit, publish, dispatch, deliver)] == [
                request.span_id,
                commit.span_id,
                commit.span_id,
                dispatch.span_id,
            ]
            assert dispatch.links == {commit.span_id} and deliver.links == {dispatch.span_id}
            assert request.began <= commit.began <= publish.began <= dispatch.began <= deliver.began < deliver.ended
            await eventually(lambda trace=request.trace_id: _has(gateway, trace))


async def _has(gateway: Service, trace_id: str) -> bool:
    return trace_id in await exemplars(gateway)
