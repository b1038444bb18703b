"""A stand-in for the API of Kubernetes, and the environment of a pod in its cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.apiserver import ApiServer, running, service_account
from tests.cluster.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def api(authority: Authority) -> Iterator[ApiServer]:
    with running("chat", "a-token", authority) as server:
        yield server


@pytest.fixture
def account(api: ApiServer, authority: Authority, tmp_path: Path) -> Path:
    """What a kubelet mounts into a pod."""
    return service_account(tmp_path / "account", api, authority)


@pytest.fixture
def pod_environment(api: ApiServer) -> dict[str, str]:
    """What a kubelet puts into the environment of a pod."""
    return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
