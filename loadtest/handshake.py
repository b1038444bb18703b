"""What both sides of `loadtest.meeting` and `loadtest.swarm.joining` must agree on."""

import hmac

ROUNDS = 8
"""Questions for the time; the one that is answered fastest counts."""


def proof(secret: str, whose: str, *nonces: str) -> str:
    """That somebody of this role holds the secret, here and now."""
    return hmac.digest(secret.encode(), "\n".join(("load test", whose, *nonces)).encode(), "sha256").hex()
