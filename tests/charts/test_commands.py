"""The commands that only pods and images call."""

import asyncio
import base64
import datetime
import json
import os
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from causerie.cli import evaluation
from causerie.cli.outcome import Failed
from causerie.embedded.ports import free_port
from causerie.store import Store
from tests.cli.command import FINISH_SECONDS, REPOSITORY, causerie
from tests.store.conftest import a_conversation, a_draft

TOKEN = "the token of a service account"


class StandIn(HTTPServer):
    """The part of the Kubernetes API that makes Secrets: authenticates, refuses what is there, over TLS."""

    def __init__(self, account: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.secrets: dict[tuple[str, str], dict[str, object]] = {}
        self.may_create = True
        key, certificate = _certificate()
        (account / "ca.crt").write_bytes(certificate)
        (account / "key.pem").write_bytes(key + certificate)
        (account / "token").write_text(TOKEN)
        (account / "namespace").write_text("messaging")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(account / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)


class _Requests(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, _, _, _, namespace, kind = self.path.split("/")
        name = (namespace, body["metadata"]["name"])
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status = 401
        elif not self.server.may_create or kind != "secrets":
            status = 403
        elif name in self.server.secrets:
            status = 409
        else:
            self.server.secrets[name] = body["stringData"]
            status = 201
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    server = StandIn(tmp_path)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_evaluations_secret_is_made_once_and_never_changed(kubernetes, tmp_path, capsys):
    evaluation.make_secret("chat-causerie-evaluation", tmp_path)
    made = dict(kubernetes.secrets[("messaging", "chat-causerie-evaluation")])
    evaluation.make_secret("chat-causerie-evaluation", tmp_path)

    assert kubernetes.secrets == {("messaging", "chat-causerie-evaluation"): made}
    assert len(base64.urlsafe_b64decode(made["jwt-secret"])) >= 32
    assert made["password"].isalnum()
    assert capsys.readouterr().out.splitlines() == [
        "made the Secret chat-causerie-evaluation",
        "the Secret chat-causerie-evaluation is there",
    ]


def test_a_cluster_that_refuses_is_quoted(kubernetes, tmp_path):
    kubernetes.may_create = False

    with pytest.raises(Failed, match="Kubernetes refused to make the Secret x: 403"):
        evaluation.make_secret("x", tmp_path)


def test_a_cluster_with_another_authority_gets_no_token(kubernetes, tmp_path):
    (tmp_path / "ca.crt").write_bytes(_certificate()[1])

    with pytest.raises(Failed, match="Kubernetes cannot be reached"):
        evaluation.make_secret("x", tmp_path)
    assert kubernetes.secrets == {}


async def test_outside_a_pod_it_says_so():
    ran = await causerie("evaluation-secret", "x")

    assert (ran.status, ran.err) == (1, "causerie: this is no pod of Kubernetes with a service account\n")


async def test_a_pod_waits_for_a_schema_that_somebody_else_brings(empty_database_url):
    short = await causerie("migrate", "status", "--wait", "0.1s", DATABASE_URL=empty_database_url)
    assert short.status == 1

    brought = await causerie("migrate", "up", "--wait", "5s", DATABASE_URL=empty_database_url)
    waited = await causerie("migrate", "status", "--wait", "60s", DATABASE_URL=empty_database_url)

    assert (brought.status, waited.status) == (0, 0)


async def test_a_check_says_how_far_it_came():
    port = free_port()

    asleep = await causerie("check", "ready", "--port", str(port))
    no_api = await causerie("check", "api", f"http://127.0.0.1:{port}")
    no_token = await causerie("check", "websocket", "ws://127.0.0.1:1", "http://127.0.0.1:1", TOKEN="no token")

    assert (asleep.status, asleep.err) == (1, f"causerie: nothing answers /ready with 200 on port {port}\n")
    assert f"causerie: http://127.0.0.1:{port} is not ready: " in no_api.err
    assert no_token.err == "causerie: TOKEN is no signed token with a `sub`\n"


async def test_without_a_cluster_the_live_tests_say_that_nothing_was_tested(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.charts.live"),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(FINISH_SECONDS):
        _, said = await process.communicate()

    assert process.returncode == 2
    assert said == b"test-cluster: kubectl names no cluster that answers, so nothing was tested\n"


async def test_a_wrong_counter_fails_the_nightly_job_unless_it_may_put_it_right(database_url):
    store = await Store.connect(database_url, announce=lambda events: None)
    group = await a_conversation(store)
    await store.posts.submit(a_draft(group))
    async with store.connection() as connection:
        await connection.execute("UPDATE conversations SET message_count = 7 WHERE id = $1", group)
    await store.close()

    told = await causerie("reconcile", DATABASE_URL=database_url)
    mended = await causerie("reconcile", "--repair", DATABASE_URL=database_url)
    after = await causerie("reconcile", DATABASE_URL=database_url)

    assert (told.status, mended.status, after.status) == (1, 0, 0)
    assert str(group) in told.out
