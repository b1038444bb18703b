"""The Kubernetes we run in, as far as we touch it: annotations of our own pods.

The only room that knows the `kubernetes` client.  That client is large and blocks, so it is loaded when it is first
used, and runs in threads with a time limit on every call.
"""

import asyncio
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
MERGE = "application/merge-patch+json"
"""The plainest of the API's patches: what it does not name stays as it is."""


class ClusterError(Exception):
    """The cluster did not do what was asked.

    ClusterError
    ├── PodGone     there is no such pod (any more)
    ├── Forbidden   we have no leave, and asking again does not give it
    └── Away        no answer, a conflict, or too many requests: later it may work
    """


class PodGone(ClusterError):
    pass


class Forbidden(ClusterError):
    pass


class Away(ClusterError):
    pass


class Cluster:
    """Our namespace, by what is mounted for our service account."""

    def __init__(self, service_account: Path) -> None:
        self._service_account = service_account

    @classmethod
    def around_us(cls, service_account: Path) -> "Cluster | None":
        """None outside of a cluster, and in a pod that was given no token."""
        return cls(service_account) if (service_account / "token").is_file() else None

    async def annotate(self, pod: str, annotations: Mapping[str, str]) -> None:
        """Set these annotations of a pod and leave its others alone; repeating it changes nothing.

        Raises:
            ClusterError: in one of its kinds.
        """
        await asyncio.to_thread(self._annotate, pod, annotations)

    def _annotate(self, pod: str, annotations: Mapping[str, str]) -> None:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError  # what that client lets through when nobody answers

        try:
            self._api.patch_namespaced_pod(
                pod,
                self._namespace,
                {"metadata": {"annotations": dict(annotations)}},
                field_manager="causerie",
                _content_type=MERGE,
                _request_timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            )
        except ApiException as error:
            kind = {401: Forbidden, 403: Forbidden, 404: PodGone}.get(error.status or 0, Away)
            raise kind(f"{error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise Away(type(error).__name__) from error

    @cached_property
    def _namespace(self) -> str:
        return (self._service_account / "namespace").read_text().strip()

    @cached_property
    def _api(self) -> "CoreV1Api":
        from kubernetes.client import ApiClient, Configuration, CoreV1Api
        from kubernetes.config import ConfigException
        from kubernetes.config.incluster_config import InClusterConfigLoader

        configuration = Configuration()
        # One attempt: whoever asks knows when to ask again.
        configuration.retries = 0
        # It reads the token anew each minute, for clusters change it.
        token, authority = str(self._service_account / "token"), str(self._service_account / "ca.crt")
        loader = InClusterConfigLoader(token, authority)  # type: ignore[no-untyped-call]
        try:
            loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise Away(str(error)) from error
        return CoreV1Api(ApiClient(configuration))
