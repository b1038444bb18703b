"""Tokens that must not be believed, and why each might be."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import JWT_SECRET

AUDIENCE, ISSUER, KEY_ID = "causerie", "https://id.example", "key-1"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
_SPKI = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_PKCS1 = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
_DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_set() -> dict[str, Any]:
    """The published half."""
    public = jwt.get_algorithm_by_name("RS256").to_jwk(KEY.public_key(), as_dict=True)
    return {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}


def claims(**changes: Any) -> dict[str, Any]:
    """Sound ones; a change to None leaves a claim out."""
    sound = {"sub": "mallory", "exp": int(time.time()) + 600, "aud": AUDIENCE, "iss": ISSUER}
    return {name: value for name, value in (sound | changes).items() if value is not None}


def shared(**changes: Any) -> str:
    return jwt.encode(claims(**changes), JWT_SECRET, algorithm="HS256")


def public(key: rsa.RSAPrivateKey = KEY, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="RS256", headers={"kid": KEY_ID} | (headers or {}))


def part(value: object) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def built(header: object, body: object | None = None, signature: bytes = b"", secret: bytes | None = None) -> str:
    """A token put together by hand, signed HS256 with `secret` if there is one."""
    signed = part(header) + b"." + part(claims() if body is None else body)
    if secret is not None:
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(signed)
        signature = mac.finalize()
    return (signed + b"." + part(signature)).decode()


def _spliced(parts: list[str], body: str) -> str:
    return f"{parts[0]}.{body}.{parts[2]}"


_HS = {"alg": "HS256", "typ": "JWT"}
_OWN = JWT_SECRET.encode()
FORGERIES: dict[str, Callable[[], str]] = {
    "expired": lambda: shared(exp=int(time.time()) - 31),
    "without exp": lambda: shared(exp=None),
    "exp as text": lambda: built(_HS, claims(exp="tomorrow"), secret=_OWN),
    "exp true": lambda: built(_HS, claims(exp=True), secret=_OWN),
    "exp infinite": lambda: built(_HS, json.dumps(claims(exp=7)).replace("7", "1e999").encode(), secret=_OWN),
    "exp NaN": lambda: built(_HS, json.dumps(claims(exp=float("nan"))).encode(), secret=_OWN),
    "not yet valid": lambda: shared(nbf=int(time.time()) + 600),
    "issued in the future": lambda: shared(iat=int(time.time()) + 600),
    "wrong audience": lambda: shared(aud="somebody else"),
    "without audience": lambda: shared(aud=None),
    "wrong issuer": lambda: shared(iss="https://evil.example"),
    "without issuer": lambda: shared(iss=None),
    "without sub": lambda: shared(sub=None),
    "a sub that is no id": lambda: shared(sub="a b"),
    "a sub that is no text": lambda: built(_HS, claims(sub=7), secret=_OWN),
    "scope as a list": lambda: built(_HS, claims(scope=["admin"]), secret=_OWN),
    "another secret": lambda: jwt.encode(claims(), _OWN[::-1], algorithm="HS256"),
    "no secret": lambda: built(_HS, secret=b""),
    "alg none": lambda: jwt.encode(claims(), None, algorithm="none"),
    "alg None": lambda: built({"alg": "None"}),
    "alg NONE with a signature": lambda: built({"alg": "NONE"}, signature=b"x"),
    "alg none, signed by us": lambda: built({"alg": "none"}, secret=_OWN),
    "no alg": lambda: built({"typ": "JWT"}, secret=_OWN),
    "alg a list": lambda: built({"alg": ["HS256"]}, secret=_OWN),
    "alg null": lambda: built({"alg": None}, secret=_OWN),
    "alg hs256": lambda: built({"alg": "hs256"}, secret=_OWN),
    "HS512 with our secret": lambda: jwt.encode(claims(), JWT_SECRET * 2, algorithm="HS512"),
    "RS256 by another key": lambda: public(OTHER_KEY),
    "RS256 by another key, no kid": lambda: jwt.encode(claims(), OTHER_KEY, algorithm="RS256"),
    "RS512 by our key": lambda: jwt.encode(claims(), KEY, algorithm="RS512", headers={"kid": KEY_ID}),
    "PS256 by our key": lambda: jwt.encode(claims(), KEY, algorithm="PS256", headers={"kid": KEY_ID}),
    "RS256, expired": lambda: public(exp=int(time.time()) - 31),
    "HS256 with the public key in PEM": lambda: built(_HS, secret=_SPKI),
    "HS256 with the public key in PEM, kid of it": lambda: built(_HS | {"kid": KEY_ID}, secret=_SPKI),
    "HS256 with the public key in PKCS 1": lambda: built(_HS, secret=_PKCS1),
    "HS256 with the public key in DER": lambda: built(_HS, secret=_DER),
    "HS256 with the modulus": lambda: built(_HS, secret=key_set()["keys"][0]["n"].encode()),
    "RS256 in name, signed with our secret": lambda: built({"alg": "RS256", "kid": KEY_ID}, secret=_OWN),
    "kid a path": lambda: built(_HS | {"kid": "../../../../dev/null"}, secret=b""),
    "kid of SQL": lambda: public(OTHER_KEY, {"kid": "x' UNION SELECT 'key"}),
    "kid a number": lambda: built({"alg": "RS256", "kid": 7}, signature=b"x"),
    "kid a list": lambda: built({"alg": "RS256", "kid": [KEY_ID]}, signature=b"x"),
    "kid empty": lambda: public(OTHER_KEY, {"kid": ""}),
    "kid unknown": lambda: public(OTHER_KEY, {"kid": "key-2"}),
    "jwk of its own": lambda: public(OTHER_KEY, {"jwk": {"kty": "oct", "k": "AAAA"}}),
    "jku of its own": lambda: public(OTHER_KEY, {"jku": "http://127.0.0.1:9/keys"}),
    "x5u of its own": lambda: public(OTHER_KEY, {"x5u": "http://127.0.0.1:9/cert"}),
    "crit": lambda: built(_HS | {"crit": ["exp"], "exp": 1}, secret=_OWN),
    "b64 false": lambda: built(_HS | {"b64": False, "crit": ["b64"]}, secret=_OWN),
    "no signature": lambda: shared().rpartition(".")[0] + ".",
    "two parts": lambda: shared().rpartition(".")[0],
    "four parts": lambda: shared() + ".x",
    "a changed body": lambda: _spliced(shared().split("."), part(claims(sub="owner")).decode()),
    "an encrypted one": lambda: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
    "no JSON": lambda: built(b"\xff\xfe", secret=_OWN),
    "a header of lists": lambda: built([], secret=_OWN),
    "a deep header": lambda: built(b'{"alg":' + b"[" * 2_000 + b"]" * 2_000 + b"}", secret=_OWN),
    "deep claims": lambda: built(_HS, b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}", secret=_OWN),
    "claims that are a list": lambda: built(_HS, [1], secret=_OWN),
    "huge": lambda: shared(name="x" * 9_000),
    "padding": lambda: shared() + "==",
    "a blank in it": lambda: shared().replace(".", ". ", 1),
    "nothing": lambda: "",
    "dots": lambda: "...",
    "a zip bomb in name": lambda: built(_HS | {"zip": "DEF"}, b"\x78\x9c" + b"\0" * 100, secret=_OWN),
}  # fmt: skip
