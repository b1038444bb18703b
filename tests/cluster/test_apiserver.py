"""The stand-in does with pods what the API of Kubernetes does, as its own client sees it."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, Configuration, CoreV1Api
from kubernetes.config.incluster_config import InClusterConfigLoader

from tests.cluster.apiserver import COST, JSON_PATCH, MERGE, STRATEGIC, ApiServer

POD = "gateway-5d9c7b6f4-x2x7k"
WHERE = f"/metadata/annotations/{COST.replace('/', '~1')}"


@pytest.fixture
def client(
    api: ApiServer, account: Path, pod_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> CoreV1Api:
    api.add(POD, owner="platform")
    for name, value in pod_environment.items():
        monkeypatch.setenv(name, value)
    configuration = Configuration()
    InClusterConfigLoader(str(account / "token"), str(account / "ca.crt")).load_and_set(configuration)
    return CoreV1Api(ApiClient(configuration))


def patched(client: CoreV1Api, patch: Any, kind: str) -> Any:
    return client.patch_namespaced_pod(POD, "chat", patch, _content_type=kind)


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (MERGE, {"metadata": {"annotations": {COST: "7"}}}),
        (STRATEGIC, {"metadata": {"annotations": {COST: "7"}}}),
        (JSON_PATCH, [{"op": "add", "path": WHERE, "value": "7"}]),
    ],
)
def test_each_kind_of_patch_changes_what_it_names_and_moves_the_version(client: CoreV1Api, kind: str, patch: Any):
    before = client.read_namespaced_pod(POD, "chat")

    after = patched(client, patch, kind)

    assert after.metadata.annotations == {"owner": "platform", COST: "7"}
    assert after.metadata.resource_version != before.metadata.resource_version
    assert after.spec.containers[0].name == "gateway"
    assert client.read_namespaced_pod(POD, "chat").metadata.resource_version == after.metadata.resource_version


def test_a_patch_that_changes_nothing_moves_no_version_and_null_takes_away(client: CoreV1Api):
    before = client.read_namespaced_pod(POD, "chat").metadata.resource_version

    same = patched(client, {"metadata": {"annotations": {"owner": "platform"}}}, MERGE)
    gone = patched(client, {"metadata": {"annotations": {"owner": None}}}, MERGE)

    assert same.metadata.resource_version == before
    assert not gone.metadata.annotations


@pytest.mark.parametrize(
    ("kind", "patch", "status"),
    [
        (MERGE, {"metadata": {"resourceVersion": "1", "annotations": {COST: "7"}}}, 409),
        (MERGE, {"metadata": {"annotations": {COST: "seven"}}}, 422),
        (MERGE, {"metadata": {"annotations": {COST: "2147483648"}}}, 422),
        (MERGE, {"metadata": {"annotations": {COST: 7}}}, 400),
        (MERGE, [{"op": "add", "path": WHERE, "value": "7"}], 400),
        (JSON_PATCH, [{"op": "replace", "path": WHERE, "value": "7"}], 400),
        ("application/json", {"metadata": {"annotations": {COST: "7"}}}, 415),
    ],
)
def test_what_the_api_refuses_it_refuses_with_the_same_status(
    client: CoreV1Api, api: ApiServer, kind: str, patch: Any, status: int
):
    with pytest.raises(ApiException) as refusal:
        patched(client, patch, kind)

    assert refusal.value.status == status
    assert api.annotations(POD) == {"owner": "platform"}
