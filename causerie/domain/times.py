"""Times as they are written on the wire."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC with milliseconds, e.g. ``2026-11-21T08:54:00.123Z``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
