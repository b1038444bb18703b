"""Annotating pods: what is written, what is left alone, and what each way of failing means."""

from pathlib import Path

import pytest

from causerie import cluster as of_cluster
from causerie.cluster import Away, Cluster, ClusterError, Forbidden, PodGone
from tests.cluster.apiserver import COST, ApiServer, Trouble
from tests.cluster.certificates import Authority

POD = "gateway-5d9c7b6f4-x2x7k"


@pytest.fixture
def cluster(api: ApiServer, account: Path, pod_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Cluster:
    api.add(POD, owner="platform")
    for name, value in pod_environment.items():
        monkeypatch.setenv(name, value)
    found = Cluster.around_us(account)
    assert found is not None
    return found


def test_outside_of_a_cluster_there_is_none(tmp_path: Path):
    assert Cluster.around_us(tmp_path) is None


async def test_an_annotation_is_written_and_others_are_left_alone(cluster: Cluster, api: ApiServer):
    await cluster.annotate(POD, {COST: "1200"})
    version = api.version(POD)
    await cluster.annotate(POD, {COST: "1200"})

    assert api.annotations(POD) == {"owner": "platform", COST: "1200"}
    assert api.version(POD) == version
    assert {call.field_manager for call in api.calls} == {"causerie"}


async def test_a_pod_that_is_gone_is_told_apart(cluster: Cluster):
    with pytest.raises(PodGone):
        await cluster.annotate("gateway-gone", {COST: "1"})


async def test_without_leave_or_with_a_token_nobody_knows_asking_again_is_of_no_use(cluster: Cluster, api: ApiServer):
    api.verbs.discard("patch")
    with pytest.raises(Forbidden):
        await cluster.annotate(POD, {COST: "1"})
    api.verbs.add("patch")
    api.token = "another"
    with pytest.raises(Forbidden):
        await cluster.annotate(POD, {COST: "1"})


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=409),
        Trouble(status=429, retry_after=30),
        Trouble(status=500),
        Trouble(status=503, retry_after=30),
        Trouble(reset=True),
        Trouble(hang_seconds=1.0, reset=True),
    ],
    ids=str,
)
async def test_what_may_work_later_is_tried_once_and_works_later(
    cluster: Cluster, api: ApiServer, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_cluster, "ANSWER_SECONDS", 0.3)
    api.troubles.append(trouble)
    with pytest.raises(Away):
        await cluster.annotate(POD, {COST: "7"})
    assert api.calls == []

    monkeypatch.setattr(of_cluster, "ANSWER_SECONDS", 5.0)
    await cluster.annotate(POD, {COST: "7"})

    assert api.annotations(POD)[COST] == "7"


async def test_an_api_that_is_not_there_is_away(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    with pytest.raises(Away):
        await cluster.annotate(POD, {COST: "1"})


async def test_an_api_with_a_certificate_of_somebody_else_is_not_given_our_token(
    cluster: Cluster, api: ApiServer, account: Path, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    (account / "ca.crt").write_bytes(Authority(tmp_path / "other").pem)

    with pytest.raises(Away):
        await cluster.annotate(POD, {COST: "1"})
    assert api.calls == []


async def test_a_pod_outside_our_namespace_is_not_ours_to_touch(cluster: Cluster, account: Path):
    (account / "namespace").write_text("somebody-elses")

    with pytest.raises(Forbidden):
        await cluster.annotate(POD, {COST: "1"})


async def test_what_is_no_number_is_refused_as_an_error_of_ours(cluster: Cluster):
    with pytest.raises(ClusterError):
        await cluster.annotate(POD, {COST: "+5"})
