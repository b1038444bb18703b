"""What an evaluation starts works together: its stores, the services' settings, its jobs and its tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charts import evaluation_stores
from tests.charts.chart import (
    SERVICES,
    Object,
    component_of,
    containers_of,
    environment_of,
    find,
    objects_of,
    of_kind,
    pods_of,
    service_pod,
)
from tests.cli.command import causerie
from tests.conftest import JWT_SECRET
from tests.support.services import Service, Services
from tests.support.waiting import eventually


@pytest.fixture
def stores_environment(stores_home: Path, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The three URLs, of PostgreSQL as the tests have it and of the chart's own Valkey and NATS."""
    with evaluation_stores.valkey(tmp_path) as redis_url, evaluation_stores.nats(tmp_path) as nats_url:
        yield {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "NATS_URL": nats_url}


@pytest.fixture
def installed(stores_environment: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    """Services that are started with the settings their pods have."""
    with Services(stores_environment | {"CAUSERIE_JWT_SECRET": JWT_SECRET}, tmp_path) as services:
        yield services


def settings_of(component: str) -> dict[str, str]:
    """What a pod is told in so many words; what comes by reference is the test's."""
    objects = objects_of("evaluation")
    container = service_pod(objects, component)["spec"]["containers"][0]
    stores = {"DATABASE_URL", "REDIS_URL", "NATS_URL"}
    told = {name: each["value"] for name, each in environment_of(container).items() if "value" in each}
    return find(objects, "ConfigMap", "settings")["data"] | {k: v for k, v in told.items() if k not in stores}


def test_it_is_whole_by_one_switch():
    objects = objects_of("evaluation")

    assert {component_of(each) for each in of_kind(objects, "StatefulSet")} == {"postgresql", "valkey", "nats"}
    assert {component_of(each) for each in of_kind(objects, "Deployment")} == set(SERVICES)
    assert of_kind(objects, "Secret") == [], "a Secret made by Helm would be another with each rendering"
    needing = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, pod in pods_of(objects)
        for container in containers_of(pod)
        for variable in container.get("env", [])
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    made = find(objects, "Job", "secrets")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert made == ["evaluation-secret", "chat-causerie-evaluation"]
    assert needing == {"chat-causerie-evaluation"}


def test_nothing_of_an_upgrade_restarts_its_stores():
    """Without volumes their data would go."""
    for each in of_kind(objects_of("evaluation"), "StatefulSet"):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


async def test_its_stores_its_jobs_and_its_tests_do_what_they_say(installed, stores_environment):
    api, gateway, _ = [await installed.start(name, **settings_of(name)) for name in ("api", "gateway", "worker")]

    environment = stores_environment | {"CAUSERIE_JWT_SECRET": JWT_SECRET}

    async def is_well() -> bool:
        """Valkey calls its cluster well two seconds after it has started."""
        healthy = await causerie("doctor", **environment)
        assert "all slots served by 1 node(s)" in healthy.out
        return "with JetStream" in healthy.out

    await eventually(is_well, timeout_seconds=30.0)

    commands = dict(_commands(objects_of("evaluation")))
    # Some pods call the same: each command once.
    ran = {
        arguments: await causerie(*_at(arguments, api, gateway), **environment)
        for arguments in dict.fromkeys(commands.values())
    }
    said = {where: ran[arguments] for where, arguments in commands.items()}
    assert {where: each.err for where, each in said.items() if each.status} == {}
    assert set(said) == {
        "migrate/migrate",
        "migrate/partitions",
        "partitions/ensure",
        "partitions/retain",
        "partitions/check",
        "reconcile/reconcile",
        "test/api",
        "test/websocket",
        "test/schema",
        "test/partitions",
        "wait-for-schema",
    }
    assert "received after" in said["test/websocket"].out
    assert "is ready, with postgresql, redis, nats" in said["test/api"].out


def _commands(objects: tuple[Object, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every command of a job, a test or an init container; the secrets' Job needs a cluster."""
    yield "wait-for-schema", tuple(service_pod(objects, "api")["spec"]["initContainers"][0]["args"])
    for _, pod in pods_of(objects):
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        if component in {"migrate", "partitions", "reconcile", "test"}:
            for container in containers_of(pod):
                yield f"{component}/{container['name']}", tuple(container["args"])


def _at(arguments: tuple[str, ...], api: Service, gateway: Service) -> list[str]:
    """The arguments with the addresses of the cluster's Services replaced by those of our processes."""
    places = {"http://chat-causerie-api:80": api.url, "ws://chat-causerie-gateway:80": gateway.ws_url}
    return [places.get(argument, argument) for argument in arguments]
