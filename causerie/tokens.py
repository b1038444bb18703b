"""From a signed token to a caller.

Each key is good for one algorithm, so a token cannot choose how it is checked.  Shared secrets sign
HS256; a comma list of them lets a new one come before the old one goes.  Public keys come from a JWKS
address: read in the background, kept when their source is away, read again soon when a token names a
key that is not known.  No key, no entry: an absent source never opens a door.

PyJWT checks form and signature (RFC 7515); the claims are read here (RFC 7519), by our own clock.
"""

import asyncio
import contextlib
import hashlib
import logging
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm

from causerie.domain import ids
from causerie.domain.caller import Caller
from causerie.domain.errors import InvalidJson, InvalidRequest, Unauthenticated
from causerie.domain.ids import UserId
from causerie.domain.limits import MAX_NAME_CHARACTERS
from causerie.domain.text import check_text
from causerie.protocol import strict_json
from causerie.settings import AuthSettings

MAX_TOKEN_CHARACTERS = 8 * 1024
REFRESH_SECONDS = 300.0
"""How often the key source is asked when nothing unknown turns up; a withdrawn key lives this long."""
MIN_REFRESH_SECONDS = 10.0
"""Tokens with unknown keys cannot make us ask more often than this."""
FETCH_SECONDS = 5.0
MAX_KEY_SET_BYTES = 256 * 1024
MAX_REMEMBERED = 4096
MAX_HEADERS = 64
"""Of tokens that were valid: an issuer has one for each of its keys."""

_ALGORITHM_OF_CURVE = {"P-256": "ES256", "Ed25519": "EdDSA"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the one algorithm it is good for. `key_id` is None for shared secrets."""

    key_id: str | None
    algorithm: str
    material: Any


class _PreparedHmac(HMACAlgorithm):
    """HMAC that looks at a secret when it is read, as text; PyJWT would look at it again for every token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else super().prepare_key(key)


_HMAC = _PreparedHmac(hashlib.sha256)
_SIGNATURES = jwt.PyJWS(algorithms=["HS256", "RS256", "ES256", "EdDSA"])
_SIGNATURES.unregister_algorithm("HS256")
_SIGNATURES.register_algorithm("HS256", _HMAC)


class TokenVerifier:
    """Checks tokens against the keys known now.

    With a `jwks_url` it must be started: `start()` reads the key set before it returns, or goes on
    trying in the background when the source is away.
    """

    def __init__(self, settings: AuthSettings, *, now: Callable[[], float] = time.time) -> None:
        """`now` is the Unix time by which tokens begin and end.

        Raises:
            jwt.InvalidKeyError: a shared secret is a public key or a certificate: whoever reads it could sign.
        """
        self._now = now
        self._secrets = [Key(None, "HS256", _HMAC.prepare_key(secret)) for secret in settings.jwt_secrets]
        self._public: list[Key] = []
        self._jwks_url = settings.jwks_url
        self._audience = settings.audience
        self._issuer = settings.issuer
        self._leeway_seconds = settings.leeway_seconds
        self._remembered: dict[str, Caller] = {}
        self._headers: dict[str, dict[str, Any]] = {}
        """By the text they were read from: reading one anew takes a quarter of the time a token takes."""
        self._reader: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def start(self) -> None:
        if self._jwks_url is not None and self._reader is None:
            await self._read()
            self._reader = asyncio.create_task(self._keep_reading(), name="jwks")

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None

    @property
    def has_keys(self) -> bool:
        """Whether any token can be valid at all; `/ready` names it."""
        return bool(self._secrets or self._public)

    def verify(self, token: str) -> Caller:
        """Check a token and read who is asking.

        Raises:
            Unauthenticated: saying what is wrong in words that help no forger.
        """
        caller = self._remembered.get(token)
        if caller is not None:
            if caller.expires_at + self._leeway_seconds > self._now():
                return caller
            del self._remembered[token]
            raise Unauthenticated("The token has expired.")
        caller = self._check(token)
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[token] = caller
        return caller

    def forget(self) -> None:
        """The tokens that were valid: each is checked again when it comes again."""
        self._remembered.clear()

    async def verify_waiting(self, token: str) -> Caller:
        """Like `verify`, but a token signed with a key that is not known yet waits for one look at the key source.

        Raises:
            Unauthenticated: also when the source had nothing new or was asked a moment ago.
        """
        try:
            return self.verify(token)
        except Unauthenticated:
            if not self._names_unknown_key(token) or time.monotonic() - self._read_at < MIN_REFRESH_SECONDS:
                raise
        await self._read()
        return self.verify(token)

    def _check(self, token: str) -> Caller:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("The token is too long.")
        text = token.partition(".")[0]
        try:
            header = self._headers.get(text) or jwt.get_unverified_header(token)
            for key in self._candidates(header):
                with contextlib.suppress(jwt.InvalidSignatureError):
                    caller = _caller(self._claims(token, key))
                    self._remember_header(text, header)
                    return caller
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except jwt.InvalidAudienceError:
            raise Unauthenticated("The token is meant for somebody else.") from None
        except (jwt.PyJWTError, InvalidJson, InvalidRequest, ValueError, OverflowError, RecursionError, TypeError):
            raise Unauthenticated("The token is not valid.") from None
        raise Unauthenticated("The token is not signed with a key that is trusted here.")

    def _remember_header(self, text: str, header: dict[str, Any]) -> None:
        if text not in self._headers:
            if len(self._headers) >= MAX_HEADERS:
                self._headers.clear()
            self._headers[text] = header

    def _candidates(self, header: dict[str, Any]) -> Iterable[Key]:
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm == "HS256":
            return self._secrets
        return [key for key in self._public if key.algorithm == algorithm and key_id in (None, key.key_id)]

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        signed = _SIGNATURES.decode_complete(token, key.material, algorithms=[key.algorithm])
        claims = strict_json.loads(signed["payload"])
        if not isinstance(claims, dict):
            raise jwt.DecodeError
        if self._audience is not None and self._audience not in _audiences(claims):
            raise jwt.InvalidAudienceError
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise jwt.InvalidIssuerError
        now = self._now()
        if _moment(claims.get("exp")) + self._leeway_seconds <= now:
            raise jwt.ExpiredSignatureError
        if any(_moment(claims[name]) - self._leeway_seconds > now for name in ("nbf", "iat") if name in claims):
            raise jwt.ImmatureSignatureError
        return claims

    def _names_unknown_key(self, token: str) -> bool:
        if self._jwks_url is None:
            return False
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return False
        return header.get("alg") != "HS256" and not list(self._candidates(header))

    async def _keep_reading(self) -> None:
        while True:
            # Without a single key nobody can enter, so an absent source is asked again soon.
            await asyncio.sleep(REFRESH_SECONDS if self._public else MIN_REFRESH_SECONDS)
            await self._read()

    async def _read(self) -> None:
        """Ask the source once; whoever comes meanwhile waits for the same answer."""
        assert self._jwks_url is not None
        asked_at = time.monotonic()
        async with self._reading:
            if self._read_at >= asked_at:
                return
            try:
                keys = key_set(await asyncio.to_thread(_fetch, self._jwks_url))
            except (OSError, ValueError, InvalidJson) as error:
                log.warning("key source is away", extra={"error": str(error), "keys_kept": len(self._public)})
            else:
                if [key.key_id for key in keys] != [key.key_id for key in self._public]:
                    log.info("keys changed", extra={"keys": len(keys)})
                self._public = keys
                self.forget()
            self._read_at = time.monotonic()


def key_set(document: bytes) -> list[Key]:
    """Read the public signing keys of a JWKS document; what is not one of ours to use is passed over.

    Raises:
        InvalidJson: it is not JSON.
        ValueError: it is not a key set, or holds no key we can use.
    """
    found = strict_json.loads(document)
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")
    keys = [key for entry in entries if isinstance(entry, dict) and (key := _public_key(entry)) is not None]
    if not keys:
        raise ValueError("no key that can be used")
    return keys


def issue(secret: str, user: UserId, *, admin: bool = False, ttl_seconds: float, name: str | None = None) -> str:
    """Sign a token of the shared secret, for development, tests and hosts written in Python."""
    now = time.time()
    claims: dict[str, object] = {
        "sub": user,
        "iat": int(now),
        "exp": int(now + ttl_seconds),
        "scope": "user admin" if admin else "user",
    }
    if name is not None:
        claims["name"] = name
    return jwt.encode(claims, secret.encode(), algorithm="HS256")


def _caller(claims: dict[str, Any]) -> Caller:
    scope = claims.get("scope", "user")
    if not isinstance(scope, str):
        raise TypeError("scope is no text")
    return Caller(
        user=ids.user_id(claims.get("sub"), "sub"),
        expires_at=_moment(claims["exp"]),
        admin="admin" in scope.split(),
        display_name=_profile_text(claims.get("name")),
        email=_profile_text(claims.get("email")),
        kind=_profile_text(claims.get("kind")),
    )


def _audiences(claims: dict[str, Any]) -> list[object]:
    """One or several (RFC 7519 §4.1.3)."""
    named = claims.get("aud")
    return named if isinstance(named, list) else [named]


def _moment(claim: object) -> float:
    if isinstance(claim, bool) or not isinstance(claim, (int, float)) or not math.isfinite(claim):
        raise TypeError("not a time")
    return float(claim)


def _profile_text(value: object) -> str | None:
    """A claim for the directory. One that cannot be stored is no reason to keep its owner out."""
    if value is None:
        return None
    try:
        return check_text(value, "claim", max_characters=MAX_NAME_CHARACTERS)
    except InvalidRequest:
        return None


def _public_key(entry: dict[str, Any]) -> Key | None:
    key_id = entry.get("kid")
    if entry.get("use", "sig") != "sig" or not isinstance(key_id, (str, type(None))):
        return None
    match entry.get("kty"):
        case "RSA":
            algorithm: str | None = "RS256"
        case "EC" | "OKP":
            algorithm = _ALGORITHM_OF_CURVE.get(str(entry.get("crv")))
        case _:
            # A symmetric key in a public document is everybody's.
            algorithm = None
    if algorithm is None or entry.get("alg", algorithm) != algorithm or "d" in entry:
        return None
    try:
        return Key(key_id, algorithm, jwt.PyJWK(entry, algorithm).key)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=FETCH_SECONDS) as answer:
        document: bytes = answer.read(MAX_KEY_SET_BYTES + 1)
    if len(document) > MAX_KEY_SET_BYTES:
        raise ValueError("the key set is too large")
    return document
