"""A stand-in for the API of Kubernetes: pods behind TLS and a token, with the manners a client of it must know.

What it does is what the real one does with pods: three kinds of patches told apart by their content type, versions that
move only when something changed, answers in `Status` objects, and annotations that must be what they claim to be.  What
goes wrong in a real one goes wrong here when a test says so: no leave, conflicts, too many requests, silence.
"""

import json
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.certificates import Authority

Json = dict[str, Any]

COST = "controller.kubernetes.io/pod-deletion-cost"
JSON_PATCH, MERGE, STRATEGIC = (
    f"application/{kind}+json" for kind in ("json-patch", "merge-patch", "strategic-merge-patch")
)
_POD = re.compile(r"/api/v1/namespaces/([^/?]+)/pods/([^/?]+)$")
_INT32 = re.compile(r"0|-?[1-9][0-9]*")
ATTEMPT_SECONDS = 10.0


@dataclass(frozen=True)
class Trouble:
    """What happens to one request instead of its answer."""

    status: int = 0
    retry_after: int | None = None
    hang_seconds: float = 0.0
    reset: bool = False


@dataclass
class Call:
    method: str
    pod: str
    status: int
    field_manager: str = ""


@dataclass
class ApiServer:
    """`pods` of one namespace; `calls` are those that were answered, `troubles` happen to the next ones in turn."""

    namespace: str
    token: str
    port: int = 0
    pods: dict[str, Json] = field(default_factory=dict)
    verbs: set[str] = field(default_factory=lambda: {"get", "patch"})
    calls: list[Call] = field(default_factory=list)
    troubles: deque[Trouble] = field(default_factory=deque)
    always: Trouble | None = None
    _version: int = 1_000
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, **annotations: str) -> None:
        self._version += 1
        self.pods[name] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "uid": f"uid-{name}",
                "resourceVersion": str(self._version),
                "annotations": dict(annotations),
                "labels": {"app.kubernetes.io/component": "gateway"},
            },
            "spec": {"containers": [{"name": "gateway", "image": "causerie:1"}]},
            "status": {"phase": "Running"},
        }

    def annotations(self, name: str) -> dict[str, str]:
        return dict(self.pods[name]["metadata"].get("annotations") or {})

    def version(self, name: str) -> str:
        return str(self.pods[name]["metadata"]["resourceVersion"])

    def written(self) -> list[str]:
        """The pods that were patched, in turn."""
        return [call.pod for call in self.calls if call.method == "PATCH" and call.status == 200]

    # ── what it answers ─────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        with self._lock:
            status, content = self._answer(method, path.partition("?")[0], headers, body)
            found = _POD.search(path.partition("?")[0])
            manager = re.search(r"fieldManager=([^&]*)", path)
            self.calls.append(Call(method, found[2] if found else "", status, manager[1] if manager else ""))
            return status, content

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        found = _POD.search(path)
        if headers.get("authorization", "").lower() != f"bearer {self.token}".lower():
            return _status(401, "Unauthorized", "Unauthorized")
        verb = method.lower()
        if found is None or found[1] != self.namespace or verb not in self.verbs:
            message = (
                f'pods is forbidden: User "system:serviceaccount:{self.namespace}:worker" cannot {verb} resource "pods"'
            )
            return _status(403, "Forbidden", message)
        pod = self.pods.get(found[2])
        if pod is None:
            return _status(404, "NotFound", f'pods "{found[2]}" not found')
        if method == "GET":
            return 200, pod
        return self._patch(pod, headers.get("content-type", ""), body)

    def _patch(self, pod: Json, kind: str, body: bytes) -> tuple[int, Json]:
        if kind not in (JSON_PATCH, MERGE, STRATEGIC):
            message = f"the body of the request was in an unknown format - accepted media types include: {MERGE}"
            return _status(415, "UnsupportedMediaType", message)
        try:
            patch = json.loads(body)
            if isinstance(patch, list) is not (kind == JSON_PATCH):
                raise ValueError("cannot unmarshal into Go value")
            after = _operated(pod, patch) if kind == JSON_PATCH else _merged(pod, patch)
        except (ValueError, KeyError) as error:
            return _status(400, "BadRequest", f"error decoding patch: {error}")
        if after["metadata"]["resourceVersion"] != pod["metadata"]["resourceVersion"]:
            return _status(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        for name, value in (after["metadata"].get("annotations") or {}).items():
            if not isinstance(value, str):
                return _status(400, "BadRequest", "json: cannot unmarshal number into Go struct field of type string")
            if name == COST and not (_INT32.fullmatch(value) and -(2**31) <= int(value) < 2**31):
                return _status(
                    422, "Invalid", f'metadata.annotations[{COST}]: Invalid value: "{value}": must be a 32bit integer'
                )
        if after != pod:
            self._version += 1
            after["metadata"]["resourceVersion"] = str(self._version)
            self.pods[pod["metadata"]["name"]] = after
        return 200, after


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386. A strategic merge does the same to maps, and pods' lists are nothing we touch."""
    if not isinstance(patch, dict):
        return patch
    after = deepcopy(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = _merged(after.get(key), value)
    return after


def _operated(before: Json, operations: list[Json]) -> Json:
    """RFC 6902, as far as maps go."""
    after = deepcopy(before)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place = after
        for part in way:
            place = place[part]
        if operation["op"] == "remove":
            del place[last]
        elif operation["op"] in ("add", "replace"):
            if operation["op"] == "replace" and last not in place:
                raise ValueError(f"replace operation does not apply: doc is missing key: {operation['path']}")
            place[last] = operation["value"]
        else:
            raise ValueError(f"unexpected kind: {operation['op']}")
    return after


def _status(code: int, reason: str, message: str) -> tuple[int, Json]:
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


@contextmanager
def running(namespace: str, token: str, authority: Authority) -> Iterator[ApiServer]:
    """The API on loopback, by a certificate of `authority`."""
    api = ApiServer(namespace, token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = ATTEMPT_SECONDS

        def do_GET(self) -> None:
            self._serve()

        do_PATCH = do_GET  # noqa: N815

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            trouble = api.always or (api.troubles.popleft() if api.troubles else None)
            if trouble is not None and trouble.hang_seconds:
                time.sleep(trouble.hang_seconds)
            if trouble is not None and trouble.reset:
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            if trouble is not None and trouble.status:
                reason = HTTPStatus(trouble.status).phrase.replace(" ", "")
                status, content = _status(trouble.status, reason, "trouble")
            else:
                status, content = api.answer(self.command, self.path, headers, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if trouble is not None and trouble.retry_after is not None:
                self.send_header("Retry-After", str(trouble.retry_after))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # Clients that give up or do not believe our certificate are what is tested.

    with Server(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.certificate())
        # Handshakes belong into the threads: one that never comes must not hold up the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        api.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield api
        finally:
            server.shutdown()
            serving.join()


def service_account(folder: Path, api: ApiServer, authority: Authority) -> Path:
    """What a kubelet mounts into a pod."""
    folder.mkdir()
    (folder / "token").write_text(api.token)
    (folder / "namespace").write_text(api.namespace)
    (folder / "ca.crt").write_bytes(authority.pem)
    return folder
