"""What a mutant is: a broken promise, the edits that break it, and the one test that must notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `before`, which stands exactly once in `path`, by `after`."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """`name` says what is done wrong; `test` is named as pytest names it, `path::function`."""

    name: str
    promise: str
    edits: tuple[Edit, ...]
    test: str
