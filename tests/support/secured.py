"""Stores that speak TLS: an authority nobody else believes in, and a relay that ends TLS before a store that has none.

The wheels' PostgreSQL and Valkey are built without TLS and their NATS with it, so NATS is asked directly and the other
two through the relay; what connects to them speaks to either as it would to a server.
"""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from causerie.embedded import Nats

_SSL_REQUEST_BYTES = 8
_CHUNK_BYTES = 64 * 1024
_TLS = """
tls {{
    cert_file: "{certificate}"
    key_file: "{key}"
    ca_file: "{authority}"
    verify: true
}}
"""


@dataclass(frozen=True)
class Authority:
    """An authority and a certificate it gave to 127.0.0.1, for servers and for clients."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def found(cls, directory: Path) -> "Authority":
        directory.mkdir(parents=True, exist_ok=True)
        made = cls(directory / "ca.crt", directory / "tls.crt", directory / "tls.key")
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = _certificate("an authority for tests", root_key, "an authority for tests", root_key, is_root=True)
        leaf = _certificate("127.0.0.1", key, "an authority for tests", root_key, is_root=False)
        made.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return made

    def of_server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


class SecuredNats(Nats):
    """NATS that speaks TLS alone, to those alone who show a certificate of the authority."""

    authority: Authority

    def _server(self):  # type: ignore[no-untyped-def]
        process = super()._server()
        files = _TLS.format(
            certificate=self.authority.certificate, key=self.authority.key, authority=self.authority.authority
        )
        self._config.write_text(self._config.read_text() + files)
        return process


@asynccontextmanager
async def tls_before(url: str, authority: Authority) -> AsyncIterator[int]:
    """The port at which the store behind `url` is reached by TLS and in no other way."""
    store = urlsplit(url)
    asks_first = store.scheme.startswith("postgres")
    context = authority.of_server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if asks_first:
                await reader.readexactly(_SSL_REQUEST_BYTES)
                writer.write(b"S")
            await writer.start_tls(context)
            there_reader, there_writer = await asyncio.open_connection(store.hostname, store.port)
            await asyncio.gather(_pass(reader, there_writer), _pass(there_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_root: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
    )
    if not is_root:
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
    return made.sign(issuer_key, hashes.SHA256())
