"""`causerie evaluation-secret`: what an evaluation on Kubernetes needs to be secret, made on the cluster, once.

A chart cannot do it: each rendering would make others, and whoever renders without asking the cluster, as GitOps
tools do, would change the password under a database that keeps the old one.  Plain HTTPS, for it is one request.
"""

import json
import os
import secrets
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from causerie.cli.instance import SECRET_BYTES
from causerie.cli.outcome import Failed

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANSWER_SECONDS = 30.0
PASSWORD_BYTES = 24


def make_secret(name: str, account: Path = ACCOUNT) -> int:
    """Make the Secret in this pod's namespace, or leave the one that is there.

    Raises:
        Failed: this is no pod, or the cluster refused.
    """
    server = os.environ.get("KUBERNETES_SERVICE_HOST")
    if server is None or not (account / "token").exists():
        raise Failed("this is no pod of Kubernetes with a service account")
    host = f"[{server}]" if ":" in server else server
    namespace = (account / "namespace").read_text().strip()
    request = urllib.request.Request(
        f"https://{host}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}/api/v1/namespaces/{namespace}/secrets",
        method="POST",
        data=json.dumps(_secret(name)).encode(),
        headers={
            "Authorization": f"Bearer {(account / 'token').read_text().strip()}",
            "Content-Type": "application/json",
        },
    )
    trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
    # Straight there: a proxy of the environment has no business with the cluster's own API.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    try:
        opener.open(request, timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise Failed(f"Kubernetes refused to make the Secret {name}: {error.code} {error.reason}") from None
        print(f"the Secret {name} is there")
    except OSError as error:
        raise Failed(f"Kubernetes cannot be reached: {error}") from None
    else:
        print(f"made the Secret {name}")
    return 0


def _secret(name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "causerie"}},
        "type": "Opaque",
        "stringData": {
            "jwt-secret": secrets.token_urlsafe(SECRET_BYTES),
            # Begins with a letter and has nothing a URL or a configuration file would read otherwise.
            "password": "p" + secrets.token_hex(PASSWORD_BYTES),
        },
    }
