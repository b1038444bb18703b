"""All mutants, and the page that lists them."""

from mutants import of_delivery, of_telemetry, of_the_door, of_the_fleet, of_the_log
from mutants.mutant import Mutant

ROOMS = {
    "The log": of_the_log.MUTANTS,
    "Delivery": of_delivery.MUTANTS,
    "The door": of_the_door.MUTANTS,
    "The fleet": of_the_fleet.MUTANTS,
    "What operators are told": of_telemetry.MUTANTS,
}
MUTANTS: tuple[Mutant, ...] = tuple(mutant for mutants in ROOMS.values() for mutant in mutants)

_HEAD = """# Mutants

Our own code, broken on purpose in a copy, and the one test that must notice.  `make mutants` tries all of them, two at
a time, after all of these tests have passed on the code as it is; `make mutants ARGS='"no gap check"'` tries one.  A
mutant that no longer finds what it breaks, or names a test that is gone, fails in `make test`; so does this page when
it is not what `python -m mutants --page` prints."""


def page() -> str:
    """`docs/mutants.md`."""
    parts = [_HEAD]
    for room, mutants in ROOMS.items():
        rows = [f"| {mutant.name} | {mutant.promise} | {_files(mutant)} | `{mutant.test}` |" for mutant in mutants]
        parts.append(
            "\n".join([f"## {room}", "", "| mutant | promise | broken in | noticed by |", "|---|---|---|---|", *rows])
        )
    return "\n\n".join(parts) + "\n"


def _files(mutant: Mutant) -> str:
    return ", ".join(f"`{path}`" for path in dict.fromkeys(edit.path for edit in mutant.edits))
