"""Times as they are written on the wire."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC with milliseconds, e.g. ``2026-11-21T08:54:00.123Z``."""
    # Cuts, and takes half the time of strftime.
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
