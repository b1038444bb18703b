"""Who is asking: what a verified token says."""

from dataclasses import dataclass

from causerie.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Caller:
    """One authenticated user. `expires_at` is in Unix seconds; the profile claims fill the directory."""

    user: UserId
    expires_at: float
    admin: bool = False
    display_name: str | None = None
    email: str | None = None
    kind: str | None = None
