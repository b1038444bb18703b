"""Log lines of services, which are JSON for machines, as a person at a terminal reads them."""

import json

# Shown otherwise, of no use on one's own machine, or (uvicorn's coloured twin of a message) said twice.
_NOT_FIELDS = {"ts", "level", "service", "logger", "message", "exception", "trace_id", "span_id", "color_message"}


def readable(line: str) -> str:
    """`WARNING slow session closed (code=4008)` for a JSON line; any other line as it is."""
    text = line.rstrip("\n")
    if not text.startswith("{"):
        return text
    try:
        entry = json.loads(text)
    except ValueError:
        return text
    phrase = entry.get("message")
    if not isinstance(phrase, str):
        return text
    level = str(entry.get("level", "info")).upper()
    fields = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _NOT_FIELDS)
    shown = phrase if level == "INFO" else f"{level} {phrase}"
    shown = f"{shown} ({fields})" if fields else shown
    trace = entry.get("exception")
    return f"{shown}\n{trace}" if trace else shown
