"""TLS to a store, said in its address by the names that redis-py reads from its own.

`tls://nats:4222?ssl_ca_certs=/tls/ca.crt&ssl_certfile=/tls/tls.crt&ssl_keyfile=/tls/tls.key`.  Without a file of
authorities those of the system count; without a certificate of our own the server must not ask for one.
"""

import ssl
from urllib.parse import parse_qs, urlsplit, urlunsplit

SECURE = frozenset({"tls", "rediss"})


def without_files(url: str) -> str:
    """The address alone, as others may write it down."""
    return urlunsplit(urlsplit(url)._replace(query=""))


def context_of(url: str) -> ssl.SSLContext | None:
    """What a connection to this address is secured with, None where it is not.

    Raises:
        OSError: a file is not there or holds something else.
    """
    place = urlsplit(url)
    if place.scheme not in SECURE:
        return None
    files = {name: values[-1] for name, values in parse_qs(place.query).items()}
    context = ssl.create_default_context(cafile=files.get("ssl_ca_certs"))
    if "ssl_certfile" in files:
        context.load_cert_chain(files["ssl_certfile"], files.get("ssl_keyfile"))
    return context
