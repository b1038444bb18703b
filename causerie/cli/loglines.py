"""Log lines of services, which are JSON for machines, as a person at a terminal reads them."""

import json

# Shown in the line itself or of no use on one's own machine.
_NOT_FIELDS = {
    "message",
    "msg",
    "event",
    "level",
    "timestamp",
    "time",
    "ts",
    "service",
    "logger",
    "trace_id",
    "span_id",
}


def readable(line: str) -> str:
    """`WARNING slow session closed (code=4008)` for a JSON line; any other line as it is."""
    text = line.rstrip("\n")
    if not text.startswith("{"):
        return text
    try:
        entry = json.loads(text)
    except ValueError:
        return text
    phrase = entry.pop("message", None) or entry.pop("msg", None)
    if not isinstance(phrase, str):
        return text
    level = str(entry.get("level", "info")).upper()
    trace = entry.pop("exception", None) or entry.pop("exc_info", None)
    fields = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _NOT_FIELDS)
    shown = phrase if level == "INFO" else f"{level} {phrase}"
    shown = f"{shown} ({fields})" if fields else shown
    return f"{shown}\n{trace}" if trace else shown
