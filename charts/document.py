"""Makes the tables of values in the chart's README out of the comments in values.yaml: `make chart-docs`.

A comment above a key describes it; one that begins with `--` opens a section.  What stands outside the two marks
in README.md is written by hand.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml  # type: ignore[import-untyped]

CHART = Path(__file__).parent / "causerie"
BEGIN = "<!-- values: made by `make chart-docs` from values.yaml -->"
END = "<!-- end of values -->"
_KEY = re.compile(r"(?P<indent> *)(?P<key>[\w-]+):(?P<rest>.*)")


@dataclass(frozen=True)
class Value:
    """One key as values.yaml describes it; a group has nothing to its right."""

    path: tuple[str, ...]
    about: str
    is_group: bool
    is_section: bool


@dataclass
class _Section:
    title: str
    about: str
    rows: list[str] = field(default_factory=list)


def values_of(text: str) -> Iterator[Value]:
    """Every key with the comment right above it."""
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip().removeprefix("#").strip())
        elif found := _KEY.fullmatch(line):
            indent = len(found["indent"])
            path = [(depth, key) for depth, key in path if depth < indent] + [(indent, found["key"])]
            about = " ".join(comment)
            yield Value(
                tuple(key for _, key in path),
                about.removeprefix("-- "),
                is_group=not found["rest"].strip(),
                is_section=about.startswith("-- "),
            )
            comment = []
        else:
            comment = []


def tables(text: str) -> str:
    """All values as Markdown."""
    defaults = yaml.safe_load(text)
    others = section = _Section("others", "What belongs to no section.")
    sections = []
    for value in values_of(text):
        if value.is_section:
            section = _Section(".".join(value.path), value.about)
            sections.append(section)
        elif len(value.path) == 1:
            section = others
        if not value.is_group:
            section.rows.append(_row(value, defaults))
        elif value.about and not value.is_section:
            section.rows.append(f"| `{'.'.join(value.path)}` | | {value.about} |")
    return "\n".join(_section(each) for each in [*sections, others])


def written(readme: str, text: str) -> str:
    """The README with its tables made anew.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("README.md has lost the marks between which its tables stand")
    return f"{before}{BEGIN}\n\n{tables(text)}\n{END}{after}"


def _row(value: Value, defaults: object) -> str:
    for key in value.path:
        assert isinstance(defaults, dict)
        defaults = defaults[key]
    return f"| `{'.'.join(value.path)}` | `{json.dumps(defaults)}` | {value.about} |"


def _section(section: _Section) -> str:
    head = f"### {section.title}\n\n{section.about}\n\n| key | default | when to change it |\n|---|---|---|\n"
    return head + "\n".join(section.rows) + "\n"


def main() -> int:
    readme = CHART / "README.md"
    fresh = written(readme.read_text(), (CHART / "values.yaml").read_text())
    if "--check" in sys.argv:
        return 0 if fresh == readme.read_text() else 1
    readme.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
