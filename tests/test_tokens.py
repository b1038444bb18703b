"""Whose tokens are believed, and what a forger or a broken issuer gets instead."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from causerie import tokens
from causerie.domain.errors import Unauthenticated
from causerie.domain.ids import UserId
from causerie.settings import AuthSettings
from causerie.tokens import TokenVerifier

SECRET = "a secret for tests alone that is long enough for HS256"
OTHER_SECRET = "another secret for tests also long enough"
ANN = UserId("ann")
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


class KeySource:
    """An identity provider's JWKS address on loopback."""

    def __init__(self) -> None:
        self.document: object = {"keys": []}
        self.away = False
        self.asked = 0
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.asked += 1
                self.send_response(503 if source.away else 200)
                self.end_headers()
                self.wfile.write(json.dumps(source.document).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def key_source() -> Iterator[KeySource]:
    source = KeySource()
    yield source
    source.close()


def jwk(key, key_id, **more):
    algorithm = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA"}
    name = next(value for kind, value in algorithm.items() if isinstance(key, kind))
    document = jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True)
    return document | ({} if key_id is None else {"kid": key_id}) | more


def signed(key, algorithm, *, key_id=None, **claims):
    claims = {"sub": "ann", "exp": time.time() + 60} | claims
    headers = None if key_id is None else {"kid": key_id}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def secret_signed(**claims):
    return signed(SECRET, "HS256", **claims)


def verifier(**settings):
    return TokenVerifier(AuthSettings(**({"jwt_secrets": (SECRET,)} | settings)))


def refuses(verifier: TokenVerifier, token: str) -> bool:
    with pytest.raises(Unauthenticated):
        verifier.verify(token)
    return True


def test_an_issued_token_names_its_user():
    caller = verifier().verify(tokens.issue(SECRET, ANN, ttl_seconds=60, name="Ann"))

    assert (caller.user, caller.admin, caller.display_name) == ("ann", False, "Ann")
    assert 50 < caller.expires_at - time.time() <= 60


def test_admin_is_a_word_of_the_scope():
    assert verifier().verify(tokens.issue(SECRET, ANN, admin=True, ttl_seconds=60)).admin
    assert verifier().verify(secret_signed(scope="openid admin")).admin
    assert not verifier().verify(secret_signed(scope="administrator")).admin
    assert refuses(verifier(), secret_signed(scope=["admin"]))


def test_profile_claims_are_taken_and_those_that_cannot_be_stored_are_passed_over():
    caller = verifier().verify(secret_signed(name="Ann\0", email="ann@example.org", kind=7))

    assert (caller.display_name, caller.email, caller.kind) == (None, "ann@example.org", None)


@pytest.mark.parametrize("user", ["", "a b", "a/b", "é", "u" * 65, 7, None, ["ann"]])
def test_a_subject_that_is_no_user_id_is_refused(user):
    claims = {"sub": user, "exp": time.time() + 60}

    assert refuses(verifier(), jwt.encode(claims, SECRET, algorithm="HS256"))


@pytest.mark.parametrize("expires_at", [0, -1, True, "soon", "99999999999", None, [], {}])
def test_a_token_needs_a_time_of_expiry_that_has_not_come(expires_at):
    assert refuses(verifier(), secret_signed(exp=expires_at))


def test_a_token_may_be_late_by_the_leeway_only():
    assert verifier().verify(secret_signed(exp=time.time() - 25)).user == "ann"
    assert refuses(verifier(), secret_signed(exp=time.time() - 31))
    assert refuses(verifier(leeway_seconds=0.0), secret_signed(exp=time.time() - 5))


def test_a_token_that_was_good_is_refused_once_it_has_expired():
    now = time.time()
    later = [0.0]
    checked = TokenVerifier(AuthSettings(jwt_secrets=(SECRET,)), now=lambda: now + later[0])
    token = secret_signed()
    checked.verify(token)

    later[0] = 91

    assert refuses(checked, token)


def test_tokens_begin_and_end_by_the_time_that_was_given():
    behind = TokenVerifier(AuthSettings(jwt_secrets=(SECRET,)), now=lambda: time.time() - 3600)

    assert behind.verify(secret_signed(exp=time.time() - 1800)).user == "ann"
    assert refuses(behind, secret_signed(nbf=time.time()))
    assert refuses(behind, secret_signed(iat=time.time()))
    assert refuses(behind, secret_signed(nbf="now"))


def test_an_infinite_expiry_is_refused():
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    body = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(b'{"sub":"ann","exp":1e999}')
    signature = part(jwt.get_algorithm_by_name("HS256").sign(body, SECRET.encode()))

    assert refuses(verifier(), (body + b"." + signature).decode())


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "..", "." * 5, "a" * 100_000, "\ud800", "eyJhbGciOiJIUzI1NiJ9"]
)
def test_garbage_is_refused(token):
    assert refuses(verifier(), token)


def test_a_token_without_signature_is_refused():
    assert refuses(verifier(), jwt.encode({"sub": "ann", "exp": time.time() + 60}, None, algorithm="none"))


def test_a_changed_token_is_refused():
    head, body, signature = secret_signed().split(".")
    other_body = secret_signed(sub="ben").split(".")[1]

    assert refuses(verifier(), f"{head}.{other_body}.{signature}")
    assert refuses(verifier(), signed(OTHER_SECRET, "HS256"))
    assert refuses(verifier(), signed(SECRET * 2, "HS512"))


def test_the_header_of_a_good_token_vouches_for_no_other():
    verifying = verifier()
    good = secret_signed()
    verifying.verify(good)
    header, payload, signature = good.split(".")
    admin = secret_signed(scope="user admin").split(".")[1]
    assert signed(OTHER_SECRET, "HS256").startswith(header)

    for forged in (
        header,
        f"{header}.",
        f"{header}..",
        f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{header}.{admin}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}=.{payload}.{signature}",
        signed(OTHER_SECRET, "HS256"),
    ):
        with pytest.raises(Unauthenticated):
            verifying.verify(forged)


def test_two_secrets_are_good_at_once_while_one_takes_over_from_the_other():
    both = verifier(jwt_secrets=(OTHER_SECRET, SECRET))

    assert both.verify(secret_signed()).user == "ann"
    assert both.verify(signed(OTHER_SECRET, "HS256")).user == "ann"


def test_audience_and_issuer_count_when_they_are_set():
    picky = verifier(audience="causerie", issuer="https://id.example.org")
    good = {"aud": ["other", "causerie"], "iss": "https://id.example.org"}

    assert picky.verify(secret_signed(**good)).user == "ann"
    assert refuses(picky, secret_signed(**good | {"aud": "other"}))
    assert refuses(picky, secret_signed(**good | {"iss": "https://evil.example.org"}))
    assert refuses(picky, secret_signed(iss=good["iss"]))
    assert verifier().verify(secret_signed(aud="anybody", iss="anybody")).user == "ann"


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
async def test_public_keys_come_from_the_key_source(key_source, key, algorithm):
    key_source.document = {"keys": [jwk(RSA_KEY, "r"), jwk(EC_KEY, "e"), jwk(ED_KEY, "d")]}
    checked = verifier(jwt_secrets=(), jwks_url=key_source.url)
    await checked.start()

    key_id = {"RS256": "r", "ES256": "e", "EdDSA": "d"}[algorithm]
    assert checked.verify(signed(key, algorithm, key_id=key_id)).user == "ann"
    assert checked.verify(signed(key, algorithm)).user == "ann"
    assert refuses(checked, signed(key, algorithm, key_id="other"))
    await checked.stop()


async def test_a_key_is_good_for_its_own_algorithm_only(key_source):
    public = jwk(RSA_KEY, "r")
    key_source.document = {"keys": [public]}
    checked = verifier(jwks_url=key_source.url)
    await checked.start()

    assert refuses(checked, signed(RSA_KEY, "RS512", key_id="r"))
    assert refuses(checked, signed(RSA_KEY, "PS256", key_id="r"))
    assert refuses(checked, signed(public["n"], "HS256", key_id="r"))
    await checked.stop()


def test_keys_nobody_should_publish_or_sign_with_are_passed_over():
    document = {
        "keys": [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "o"},
            jwk(RSA_KEY, "encrypting", use="enc"),
            jwk(RSA_KEY, "other", alg="RS512"),
            {"kty": "RSA", "kid": "broken"},
            {"kty": "EC", "crv": "P-521", "kid": "curve"},
            "nonsense",
            jwk(ED_KEY, "good"),
        ]
    }

    assert [key.key_id for key in tokens.key_set(json.dumps(document).encode())] == ["good"]


async def test_a_new_key_is_learnt_from_the_first_token_that_names_it_but_not_asked_for_over_and_over(
    key_source, monkeypatch
):
    key_source.document = {"keys": [jwk(RSA_KEY, "old")]}
    checked = verifier(jwt_secrets=(), jwks_url=key_source.url)
    await checked.start()
    key_source.document = {"keys": [jwk(RSA_KEY, "old"), jwk(ED_KEY, "new")]}
    token = signed(ED_KEY, "EdDSA", key_id="new")

    with pytest.raises(Unauthenticated):
        await checked.verify_waiting(token)
    assert key_source.asked == 1

    monkeypatch.setattr(tokens, "MIN_REFRESH_SECONDS", 0.0)
    assert (await checked.verify_waiting(token)).user == "ann"
    assert key_source.asked == 2
    await checked.stop()


async def test_keys_are_kept_while_their_source_is_away_and_go_when_it_withdraws_them(key_source, monkeypatch):
    monkeypatch.setattr(tokens, "MIN_REFRESH_SECONDS", 0.0)
    key_source.document = {"keys": [jwk(RSA_KEY, "old")]}
    checked = verifier(jwt_secrets=(), jwks_url=key_source.url)
    await checked.start()
    token = signed(RSA_KEY, "RS256", key_id="old")
    unknown = signed(ED_KEY, "EdDSA", key_id="new")

    key_source.away = True
    with pytest.raises(Unauthenticated):
        await checked.verify_waiting(unknown)
    assert checked.verify(token).user == "ann"

    key_source.away = False
    key_source.document = {"keys": [jwk(ED_KEY, "new")]}
    assert (await checked.verify_waiting(unknown)).user == "ann"
    assert refuses(checked, token)
    await checked.stop()


async def test_an_absent_key_source_lets_nobody_in(key_source):
    key_source.away = True
    checked = verifier(jwt_secrets=(), jwks_url=key_source.url)
    await checked.start()

    assert not checked.has_keys
    assert refuses(checked, signed(RSA_KEY, "RS256"))
    await checked.stop()
