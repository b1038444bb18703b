"""What a running `causerie run` leaves in its data directory for the other commands: addresses and the secret."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from causerie.cli.outcome import Failed
from causerie.settings import SettingsError, StoreSettings

SECRET_BYTES = 48


def secret(directory: Path) -> str:
    """The secret of this instance, made at its first run and kept: tokens stay good across runs."""
    file = directory / "jwt-secret"
    if not file.exists():
        _write_private(file, secrets.token_urlsafe(SECRET_BYTES))
    return file.read_text().strip()


def known_secret(directory: Path) -> str:
    """The secret that signs tokens here: the operator's own, else this instance's.

    Raises:
        Failed: there is neither.
    """
    if own := os.environ.get("CAUSERIE_JWT_SECRET"):
        return own.split(",")[0].strip()
    if (directory / "jwt-secret").exists():
        return secret(directory)
    raise Failed(f"no secret: set CAUSERIE_JWT_SECRET, or start `causerie run` once (looked in {directory})")


@contextmanager
def announced(directory: Path, facts: Mapping[str, object]) -> Iterator[None]:
    """Say what runs while it runs; `ready` means that every service answers."""
    file = directory / "instance.json"
    _write_private(file, json.dumps({"pid": os.getpid(), **facts}, indent=2) + "\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running(directory: Path) -> dict[str, object] | None:
    """What runs now from this directory, if anything does."""
    try:
        facts: dict[str, object] = json.loads((directory / "instance.json").read_text())
        os.kill(int(str(facts["pid"])), 0)
    except PermissionError:
        return facts
    except (OSError, ValueError, KeyError):
        return None
    return facts


def environment(directory: Path) -> dict[str, str]:
    """This process's environment, the addresses of the running instance filling what is not set."""
    facts = running(directory) or {}
    found = facts.get("stores")
    stores = {name: str(url) for name, url in found.items()} if isinstance(found, dict) else {}
    return stores | {name: value for name, value in os.environ.items() if value}


def stores(directory: Path) -> StoreSettings:
    """Where the stores are.

    Raises:
        Failed: an address is missing and no instance runs.
    """
    try:
        return StoreSettings.read(environment(directory))
    except SettingsError as error:
        raise Failed(f"{error}, and no `causerie run` is running in {directory}") from None


def database_url(directory: Path) -> str:
    """Where PostgreSQL is.

    Raises:
        Failed: nobody says.
    """
    url = environment(directory).get("DATABASE_URL")
    if url is None:
        raise Failed(f"DATABASE_URL is not set, and no `causerie run` is running in {directory}")
    return url


def _write_private(file: Path, text: str) -> None:
    """Write a file only we can read, whole or not at all."""
    making = file.with_name(f".{file.name}.{os.getpid()}")
    making.touch(mode=0o600)
    making.write_text(text)
    making.replace(file)
