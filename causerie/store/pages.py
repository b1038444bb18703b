"""A page of a list, as every list of the contract answers it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor` is None on the last page."""

    items: list[dict[str, object]]
    next_cursor: str | None
