"""`causerie token`: a token for whoever wants to try something."""

from pathlib import Path

from causerie import tokens
from causerie.cli import instance
from causerie.cli.outcome import Failed
from causerie.domain import ids
from causerie.domain.errors import InvalidRequest
from causerie.settings import MIN_SECRET_BYTES


def print_token(directory: Path, user: str, *, admin: bool, ttl_seconds: float, name: str | None) -> int:
    """Print the token alone, so that `$(causerie token ann)` works.

    Raises:
        Failed: the user id cannot be one, or there is no secret.
    """
    try:
        subject = ids.user_id(user, "sub")
    except InvalidRequest:
        raise Failed(f"{user!r} cannot be a user id: 1-64 of A-Z a-z 0-9 . _ : @ -", status=2) from None
    secret = instance.known_secret(directory)
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise Failed(f"CAUSERIE_JWT_SECRET must be at least {MIN_SECRET_BYTES} bytes", status=2)
    print(tokens.issue(secret, subject, admin=admin, ttl_seconds=ttl_seconds, name=name))
    return 0
